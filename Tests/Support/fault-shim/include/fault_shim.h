// Loaded into stayposd by the dynamic linker (LD_PRELOAD); nobody calls it.
#pragma once
