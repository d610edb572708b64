# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""GPT-2's tokenizer: the functions of workload.py with typed loops."""

from unicodedata import category

from libc.stdlib cimport free, malloc
from libc.string cimport memmove

cdef enum:
    MARK
    LETTER
    NUMBER
    SPACE
    SLOT_BITS = 17
    SLOTS = 1 << SLOT_BITS  # of a hash table, at least half of them empty
    MOST_TOKENS = 1 << 16  # two ids make 32 bits; GPT-2 has 50,256

cdef dict KINDS = {"L": LETTER, "N": NUMBER, "Z": SPACE}  # by general category
cdef unsigned int NO_MERGE = 0xFFFFFFFF


cdef class Model:
    cdef unsigned int byte_ids[0x100]
    # A hash table, since a dict would make an int of each pair: by left << 16 | right, what they
    # merge into. None merges into 0, which is a byte's id.
    cdef unsigned int pairs[SLOTS]
    cdef unsigned int merged[SLOTS]

    cdef unsigned int slot_of(self, unsigned int pair) noexcept:
        """Returns where a pair is, or the empty slot where it would be."""
        cdef unsigned int slot = pair * <unsigned int>0x9E3779B1 >> (32 - SLOT_BITS)
        while self.merged[slot] and self.pairs[slot] != pair:
            slot = (slot + 1) % SLOTS
        return slot

    cdef unsigned int find(self, unsigned int left, unsigned int right) noexcept:
        return self.merged[self.slot_of(left << 16 | right)] or NO_MERGE

    def add(self, left, right, merged):
        cdef unsigned int pair = left << 16 | right, slot = self.slot_of(pair)
        self.pairs[slot] = pair
        self.merged[slot] = merged


def load(assets):
    """Returns the id of each byte, and for each pair of ids the id they merge into."""
    symbols = _symbols()
    tokens = {symbol: number for number, symbol in enumerate(symbols.values())}
    model = Model()
    for byte in range(0x100):
        model.byte_ids[byte] = tokens[symbols[byte]]
    with open(f"{assets}/vocab.bpe", encoding="utf-8") as lines:
        next(lines)  # the version
        for line in lines:
            left, right = line.split()
            # Ids follow the order of the table, so the lowest is the earliest merge.
            model.add(tokens[left], tokens[right], len(tokens))
            tokens[left + right] = len(tokens)
            if len(tokens) > MOST_TOKENS:
                raise ValueError(f"{assets}/vocab.bpe has more tokens than fit 16 bits")
    return model


def infer(Model model not None, str text not None):
    """Returns the token ids."""
    cdef Py_ssize_t start = 0, end, count = len(text)
    cdef list ids = []
    while start < count:
        end = word_end(text, start, count)
        merge(model, text[start:end].encode("utf-8"), ids)
        start = end
    return ids


def _symbols():
    """Returns the character that the table of merges writes for each byte, in the order of their ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    return symbols | {byte: chr(0x100 + number) for number, byte in enumerate(others)}


cdef int kind_of(Py_UCS4 character) except -1:
    if c"a" <= character <= c"z" or c"A" <= character <= c"Z":
        return LETTER
    if c"0" <= character <= c"9":
        return NUMBER
    if character == c" " or c"\t" <= character <= c"\r" or character == 0x85:
        return SPACE
    return MARK if character < 0x80 else KINDS.get(category(character)[0], MARK)


cdef Py_ssize_t run_end(str text, Py_ssize_t start, Py_ssize_t count, int kind) except -1:
    while start < count and kind_of(text[start]) == kind:
        start += 1
    return start


cdef Py_ssize_t word_end(str text, Py_ssize_t start, Py_ssize_t count) except -1:
    """Returns where the word ends that starts here: GPT-2's pattern, its alternatives in order."""
    cdef Py_ssize_t end, visible
    cdef int kind
    if text[start] == c"'":
        if text[start + 1 : start + 2] in ("s", "d", "m", "t"):
            return start + 2
        if text[start + 1 : start + 3] in ("ll", "ve", "re"):
            return start + 3
    visible = start + 1 if text[start] == c" " else start
    kind = kind_of(text[visible]) if visible < count else SPACE
    if kind != SPACE:
        return run_end(text, visible, count, kind)
    end = run_end(text, start, count, SPACE)
    # Of several spaces the last is left for the word after them.
    return end if end == count or end == start + 1 else end - 1


cdef merge(Model model, bytes word, list tokens):
    """Merges the pair that is earliest in the table until no pair is in it, and adds the ids left."""
    cdef const unsigned char *text = word
    cdef Py_ssize_t count = len(word), place, i
    cdef unsigned int *ids = <unsigned int *>malloc(2 * count * sizeof(unsigned int))
    # What each id and the next would merge into.
    cdef unsigned int *merged = ids + count
    if not ids:
        raise MemoryError()
    try:
        for i in range(count):
            ids[i] = model.byte_ids[text[i]]
        for i in range(count - 1):
            merged[i] = model.find(ids[i], ids[i + 1])
        while count > 1:
            place = 0
            for i in range(1, count - 1):
                if merged[i] < merged[place]:
                    place = i
            if merged[place] == NO_MERGE:
                break
            ids[place] = merged[place]
            count -= 1
            memmove(ids + place + 1, ids + place + 2, (count - place - 1) * sizeof(unsigned int))
            memmove(merged + place, merged + place + 1, (count - place - 1) * sizeof(unsigned int))
            if place > 0:
                merged[place - 1] = model.find(ids[place - 1], ids[place])
            if place + 1 < count:
                merged[place] = model.find(ids[place], ids[place + 1])
        for i in range(count):
            tokens.append(ids[i])
    finally:
        free(ids)
