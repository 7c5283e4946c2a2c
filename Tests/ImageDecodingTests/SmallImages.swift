import Foundation
import StayposCore
import Testing

/// Noise of ours as small files of many kinds, written by Pillow and libjpeg-turbo's tools; no tool is needed to read them.
struct SmallImage: CustomTestStringConvertible, Sendable {
  var name: String
  var size: ImageSize
  var bytes: [UInt8]

  var testDescription: String { name }

  private init(_ name: String, _ width: Int, _ height: Int, _ base64: String) {
    self.name = name
    size = ImageSize(width: width, height: height)
    bytes = Array(Data(base64Encoded: base64, options: .ignoreUnknownCharacters) ?? Data())
  }

  static let all = [
    interlacedPalette, deepColor, baseline, progressive, cmyk, arithmetic, restarts,
  ]

  static let interlacedPalette = SmallImage(
    "interlacedPalette", 13, 11,
    """
    iVBORw0KGgoAAAANSUhEUgAAAA0AAAALBAMAAAEhmyrEAAAAMFBMVEWu3usBPyjF1MEXkrxwgY6JsR+25LTyoDeXgetdL+7FeRoIFnHaTCEfa/ej
    4as7ZBHfG+JQAAAAbklEQVR4nAFjAJz/BFIADwSvAeEE3X8C1kADKNcENM0CvPBNEAM6BfWYAzgtVLIADih0BL/OFwETFE8BWfBDAlDe5gDbUIAD
    RUoNeJ0SLQDUVlT9gSnQBHs03MojyO8AGLYc6eXAoAGI8ok0XBpjkRAlHSLzmTMAAAAASUVORK5CYII=
    """)

  static let deepColor = SmallImage(
    "deepColor", 9, 1,
    """
    iVBORw0KGgoAAAANSUhEUgAAAAkAAAABEAIAAADTMM9pAAAAQklEQVR4nAE3AMj/A+IlMQuity7lZ9nwaSzdqc3cIpE0DPp7mCCjwut2LMZIZfkj
    v85W0Qh2VNAD9vKZGWnkPRMpJQhRGybaBi8KAAAAAElFTkSuQmCC
    """)

  static let baseline = SmallImage(
    "baseline", 17, 1,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAKBueIx4ZKCMgoy0qqC+8P//8Nzc8P//////////////////////////////////////////////////
    ////////2wBDAaq0tPDS8P//////////////////////////////////////////////////////////////////////////////wAARCAABABED
    ASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKB
    kaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZ
    mqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQF
    BgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5
    OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX
    2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwBi1IO1FFHT7xC0UUVmB//Z
    """)

  static let progressive = SmallImage(
    "progressive", 17, 1,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAKBueIx4ZKCMgoy0qqC+8P//8Nzc8P//////////////////////////////////////////////////
    ////////2wBDAaq0tPDS8P//////////////////////////////////////////////////////////////////////////////wgARCAABABED
    ASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAIB/8QAFgEBAQEAAAAAAAAAAAAAAAAAAAEC/9oADAMBAAIQAxAAAAGaE0Zf/8QAFBABAAAA
    AAAAAAAAAAAAAAAAEP/aAAgBAQABBQJ//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPwE//8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgB
    AgEBPwE//8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgBAQAGPwJ//8QAFRABAQAAAAAAAAAAAAAAAAAAARD/2gAIAQEAAT8hL//aAAwDAQACAAMA
    AAAQ9D//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAEDAQE/ED//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAECAQE/ED//xAAWEAADAAAAAAAA
    AAAAAAAAAAAAARD/2gAIAQEAAT8QCn//2Q==
    """)

  static let cmyk = SmallImage(
    "cmyk", 1, 1,
    """
    /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwABAQEBAQEBAQEBAQEBAQECAQEBAQECAQEBAgICAgICAgICAwMEAwMDAwMCAgMEAwMEBAQEBAIDBQUEBAUE
    BAQE/8AAFAgAAQABBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAE
    EQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6
    g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkA
    SwAAPwD+oiv7kK/sQr+5iv/Z
    """)

  static let arithmetic = SmallImage(
    "arithmetic", 70, 9,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0o
    MCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/yQARCAAJAEYD
    ASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD41CLxzlcdzIg1CpnxR8Mru01eoHhAbDpVkZ8W+VU4b1fRnc2SxWqC4yLrtlaFTRzY
    vXgkyUvRekkbNnW6bOqCRXx+bsV2dYEO+Y78TLsoQZJq5fBzzoTcuChV0ihwptkY/hpOReWCgSJB7+TBgYH6GDH6WI1dIVjE36lddY4vCcwmpwqv
    678iHBVNShFE8ZVu/adRAZ8lGvm7xf0mayg+5gMX6dTdZVpgNHD0ev61/ZpS7Vsf6EyvDnVGa6+Vwe8U4TsJwoeRs1LEQl8/rJuehuALnIpxhRri
    IUqsXSZJXZmhfgmWgd9PoXpaHWEQEOdQSwn4GZiZvTKuhFmqBYyLt/PFVND2bR2imFwBARylVGQxkQz+c56mI4FrgUu6Z9Sel/8AQBiWTcjK6mPx
    698lD5DfHXwD5BPUNJVgaH8XReuR664JIBgdnZuf5xl7tfWZQ58kFOaYbw3n67TnYkbwQP7ntrpLe+VBjeqNazSLdBw80vMMt9yMjvpL3WUveCLg
    kdFlZ6q7/wBd16F4xwPBHnp9JvGMNABxP9GrVTi3UNWfZQ+jb6a3g3w71lUZiv8AEV6puL7NZxG+MMgk8uqUl3qAiWqKwYlSKE/ofUabiDy9814l
    DPJm9LpbqRs2eE3AllSE6Nt2xJ3fprz2LcRa5XgCD3S4p5FrB8U3h4AWsFZb01AuVcMD2u/w5GUtR5XsQP/Z
    """)

  static let restarts = SmallImage(
    "restarts", 37, 23,
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0o
    MCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/wAARCAAXACUD
    ASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKB
    kaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZ
    mqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQF
    BgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5
    OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX
    2Nna4uPk5ebn6Onq8vP09fb3+Pn6/90ABAAB/9oADAMBAAIRAxEAPwBvhrwNFZxyzXEcEcKDc0vYDPUnuODVvUfEGnaeJbXRkWSWMgeeoG3I54Xn
    cODgnC5wfmBGcG7uPEfiy4U6lILa3BPl21qrIkTD5cg8uSeerEcnGK6O38PWOhWMb3sqIwVdkR5eQjgBRnkkkfnzjrU1OTl5sRK0P5VvLy8/Rad9
    CfchNKFPnm9k9l8lv+C6ao//0IYPt164keNpppCVDzqCSBnhQMBQCTgAEelSXbwwMokd9TvAW/0dZCVj5wQSAQuOuOvC8Y5pb7V/tKGC2Z9PgC7n
    jhO6WQDDAsQP3ZwBgAjPOSR0dZW5hgzAsVhb97iQhTgkY5OAOmOpPOB2pzacVLELkh9mC3l6v/LRepOLjFNLM6t2v+XcfyaWi9N/M//RjWLW7v8A
    fxzyQMwAaO3laKMY9ApGSecnn07UVF/ayBsWlqb+LAJmlnaL5iMkKNucDj0HXHqSuj2OZy96FOMV0Vlp5ayT/A1pzmopQwWnTWK/C2h//9JdS8fa
    ZBKbPwZAl3MoKyXssZRQp4ARW53AkDJGOvXrWZYaXqerzvd6hciUyNl9h289CPUjnAHTHtiiit+SOHpTxKV5KLavrsm/ktOhzzxFTl5IvlT3tpf1
    e79NvI//07t5HaaFPDbfZfMnfEwiRtoAyV3M3bPzdM9O3BNG9hnlaM6tMZ0cF47VAAnHHHuNxG4849cUUVlQnKOFeNbvUdtXra76dFbodiw1HLss
    +t0opz01eu7S07b/AOZ//9S/babLND58arFFITtySSe/YjHUcc/U0UUV47w9Ob55q7erbPlJ59mDk37Vr7v8j//Z
    """)
}
