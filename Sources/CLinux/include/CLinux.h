#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_filesystem.h"
#include "clinux_process.h"
#include "clinux_sandbox.h"
#include "clinux_socket.h"

#endif
