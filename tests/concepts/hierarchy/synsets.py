"""A few lines of WordNet's nouns."""

LICENCE = "  1 This software and database is being provided to you, the LICENSEE, by  \n"
ENTITY = "00001740 03 n 01 entity 0 000 | that which is perceived  \n"
PHYSICAL = (
    "00001930 03 n 02 physical_entity 0 thing 1 003 @ 00001740 n 0000 + 00000007 v 0101 "
    '~ 00002000 n 0000 | an entity; that exists; "it is there"; "it\'s real"  \n'
)
EVEREST = (
    "00002000 15 n 01 Everest 0 002 @i 00001930 n 0000 #p 00001740 n 0000 "
    '| a peak (as in the expression "the top"): "high"\n'
)


def write(folder, *lines):
    (folder / "data.noun").write_bytes("".join(lines).encode(errors="surrogateescape"))
    return folder
