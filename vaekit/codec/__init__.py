"""The lossless codec: exact networks, symbols as intervals, a stack of bits, files of blocks."""
