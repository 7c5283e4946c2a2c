import StayposCore

extension Event.Kind {
  /// The MESSAGE_ID of this kind of event: 32 hexadecimal digits, made once with `journalctl --new-id128` and never
  /// changed. `systemd/staypos.catalog` explains each.
  package var messageID: String {
    switch self {
    case .flagged: "164e9508338a4cd288463ce2edf4e829"
    case .clear: "14747f89bd2b4b968e2692d97109da8b"
    case .notScored: "1bd161423ab14be2ba5855118a004a39"
    case .withdrawn: "265024b499604cf9a0f3f38c39c7b367"
    case .quarantined: "ea22a300fa3041968439f2976dc84657"
    case .quarantineFailed: "43858d3a62754e1094c0803b50be2c66"
    case .restored: "4e2fcbf13f2b462db35763d74c4a71c4"
    case .deleted: "18cc039f23e54af1beba823a4f69cc97"
    case .evidenceChanged: "7d04b6bca58446c29cc474d4bafec1cc"
    case .watchStarted: "d543a1d23c19482596a7f9d404974e48"
    case .overflow: "c5d1292aae3f41c488566dc2fcfabf1d"
    case .degraded: "d4983537cf054842a6b75f0996f5e6a2"
    case .recovered: "3bc6cc9c8b914e5b84886ae1bf69d60b"
    case .writerPending: "515a48eb2b1b47f8b2138b11e115ed51"
    case .scorerFailed: "f944beb9b27d40d28eb74297be013098"
    case .thresholdChanged: "8ab089127e46415a92e17a791276630d"
    case .paused: "22ef18d282e24344b529e579c7cd011a"
    case .resumed: "bc88d9f3d08a45259d11685ed5bf9592"
    case .reloaded: "cf7889ba22b44865beb6d3703d15e6e0"
    case .reloadFailed: "aa9d5a9fd7f841718a551c514196c408"
    case .allowlistChanged: "1150b125aa3249f584a1f8f71d7322a9"
    case .accessDenied: "0f716e429cb745679a0fe5250c9d8367"
    case .started: "e9beb1621e2b446693d06608a45112c0"
    case .stopped: "e4da282867a843d9adb3d6fe9a35b9ff"
    case .startFailed: "f8f7d16593b34342b2fd4ceae72d0d2f"
    case .internalError: "53f61acd383e4b78acd1c83d13cd69dc"
    }
  }
}
