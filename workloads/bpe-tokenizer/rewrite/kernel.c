/* GPT-2's tokenizer: byte-level BPE by the rules of workload.py. */
#include "kernel.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "categories.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a response is little-endian, and passed on as it is"
#endif

enum { BYTES = 0x100, PRINTABLE_BYTES = 188 };
enum { MOST_TOKENS = 0x10000 }; /* two ids make 32 bits; GPT-2 has 50,256 */
enum { SLOT_BITS = 17, SLOTS = 1 << SLOT_BITS }; /* of a hash table, at least half of them empty */
enum { LARGEST_FILE = 1 << 20 };
static const uint32_t NO_MERGE = UINT32_MAX;

enum kind { MARK, LETTER, NUMBER, SPACE }; /* in the order of categories.h */

struct model {
    uint32_t byte_ids[BYTES];
    /* By pair: what it merges into. None merges into 0, which is a byte's id. */
    struct merge {
        uint32_t pair, id;
    } merges[SLOTS];
};

struct text {
    const uint8_t *start;
    size_t size;
};

struct tokens {
    uint32_t *ids;
    size_t count;
};

/* Words */

static enum kind kind_of_ascii(uint8_t character)
{
    if ((uint8_t)((character | 0x20) - 'a') < 26)
        return LETTER;
    if ((uint8_t)(character - '0') < 10)
        return NUMBER;
    return character == ' ' || (uint8_t)(character - '\t') < 5 ? SPACE : MARK;
}

static enum kind kind_of_other(uint32_t character)
{
    size_t low = 0, high = sizeof CATEGORIES / sizeof *CATEGORIES;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (CATEGORIES[middle] >> 2 <= character)
            low = middle;
        else
            high = middle;
    }
    return (enum kind)(CATEGORIES[low] & 3);
}

static enum kind kind_at(const uint8_t *text)
{
    const uint8_t lead = *text;
    if (lead < 0x80)
        return kind_of_ascii(lead);
    uint32_t character = lead < 0xE0 ? lead & 0x1F : lead < 0xF0 ? lead & 0xF : lead & 7;
    for (int more = 1 + (lead >= 0xE0) + (lead >= 0xF0); more > 0; more--)
        character = character << 6 | (*++text & 0x3F);
    return kind_of_other(character);
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

static const uint8_t *next_character(const uint8_t *text, const uint8_t *end)
{
    do
        text++;
    while (text < end && is_continuation(*text));
    return text;
}

static const uint8_t *run_end(const uint8_t *text, const uint8_t *end, enum kind kind)
{
    while (text < end && kind_at(text) == kind)
        text = next_character(text, end);
    return text;
}

static size_t contraction_size(const uint8_t *text, const uint8_t *end)
{
    if (*text != '\'' || end - text < 2)
        return 0;
    if (memchr("sdmt", text[1], 4))
        return 2;
    static const char LONGER[][3] = {"ll", "ve", "re"};
    for (size_t i = 0; end - text >= 3 && i < sizeof LONGER / sizeof *LONGER; i++)
        if (memcmp(text + 1, LONGER[i], 2) == 0)
            return 3;
    return 0;
}

/* Where the word ends that starts with the text. GPT-2's pattern, its alternatives in order. */
static const uint8_t *word_end(const uint8_t *text, const uint8_t *end)
{
    const size_t contraction = contraction_size(text, end);
    if (contraction)
        return text + contraction;
    const uint8_t *visible = text + (*text == ' ');
    const enum kind kind = visible < end ? kind_at(visible) : SPACE;
    if (kind != SPACE)
        return run_end(visible, end, kind);
    const uint8_t *space_end = run_end(text, end, SPACE), *last = space_end;
    do
        last--;
    while (is_continuation(*last));
    /* Of several spaces the last is left for the word after them. */
    return space_end == end || last == text ? space_end : last;
}

/* Merges */

/* Where a hash table of 2^SLOT_BITS slots looks first (Knuth, "The Art of Computer Programming",
 * volume 3, 6.4: multiplicative hashing). */
static uint32_t first_slot(uint32_t key)
{
    return key * 0x9E3779B1u >> (32 - SLOT_BITS);
}

static uint32_t next_slot(uint32_t slot)
{
    return (slot + 1) % SLOTS;
}

static uint32_t pair_of(uint32_t left, uint32_t right)
{
    return left << 16 | right;
}

static uint32_t find_merge(const struct model *model, uint32_t left, uint32_t right)
{
    const uint32_t pair = pair_of(left, right);
    for (uint32_t slot = first_slot(pair);; slot = next_slot(slot)) {
        const struct merge merge = model->merges[slot];
        if (!merge.id)
            return NO_MERGE;
        if (merge.pair == pair)
            return merge.id;
    }
}

/* Merges the pair that is earliest in the table, until no pair is in it; returns how many ids are
 * left. `merged` has room for what each id and the next would merge into. */
static size_t merge_pairs(const struct model *model, uint32_t *ids, uint32_t *merged,
                          size_t count)
{
    for (size_t i = 1; i < count; i++)
        merged[i - 1] = find_merge(model, ids[i - 1], ids[i]);
    while (count > 1) {
        size_t place = 0;
        for (size_t i = 1; i < count - 1; i++)
            place = merged[i] < merged[place] ? i : place;
        if (merged[place] == NO_MERGE)
            break;
        ids[place] = merged[place];
        count--;
        const size_t moved = (count - place - 1) * sizeof *ids;
        memmove(ids + place + 1, ids + place + 2, moved);
        memmove(merged + place, merged + place + 1, moved);
        if (place > 0)
            merged[place - 1] = find_merge(model, ids[place - 1], ids[place]);
        if (place + 1 < count)
            merged[place] = find_merge(model, ids[place], ids[place + 1]);
    }
    return count;
}

/* Fills `ids` and returns their number. Both arrays have room for one number per byte. */
static size_t tokenize(const struct model *model, struct text text, uint32_t *ids,
                       uint32_t *merged)
{
    const uint8_t *end = text.start + text.size;
    size_t count = 0;
    for (const uint8_t *word = text.start; word < end;) {
        const uint8_t *next = word_end(word, end);
        const size_t size = (size_t)(next - word);
        for (size_t i = 0; i < size; i++)
            ids[count + i] = model->byte_ids[word[i]];
        count += merge_pairs(model, ids + count, merged, size);
        word = next;
    }
    return count;
}

/* The model's file */

/* What is known while the table of merges is read: tokens spelt in ids of bytes. */
struct vocabulary {
    uint32_t count;
    struct token {
        const uint8_t *bytes;
        size_t size;
    } tokens[MOST_TOKENS];
    uint32_t slots[SLOTS]; /* ids plus one, by spelling */
};

static uint32_t *find_token(struct vocabulary *vocabulary, struct token token)
{
    uint32_t hash = 0x811C9DC5; /* FNV-1a */
    for (size_t i = 0; i < token.size; i++)
        hash = (hash ^ token.bytes[i]) * 0x01000193;
    for (uint32_t slot = first_slot(hash);; slot = next_slot(slot)) {
        uint32_t *found = &vocabulary->slots[slot];
        if (!*found)
            return found;
        const struct token other = vocabulary->tokens[*found - 1];
        if (other.size == token.size && memcmp(other.bytes, token.bytes, token.size) == 0)
            return found;
    }
}

static bool add_token(struct vocabulary *vocabulary, struct token token)
{
    uint32_t *slot = find_token(vocabulary, token);
    if (*slot || vocabulary->count == MOST_TOKENS)
        return false;
    vocabulary->tokens[vocabulary->count++] = token;
    *slot = vocabulary->count;
    return true;
}

static bool add_merge(struct model *model, struct vocabulary *vocabulary, struct token left,
                      struct token right)
{
    const uint32_t left_id = *find_token(vocabulary, left);
    const uint32_t right_id = *find_token(vocabulary, right);
    /* Their spellings follow each other. */
    const struct token both = {left.bytes, left.size + right.size};
    if (!left_id || !right_id || !add_token(vocabulary, both))
        return false;
    const uint32_t pair = pair_of(left_id - 1, right_id - 1);
    uint32_t slot = first_slot(pair);
    while (model->merges[slot].id)
        slot = next_slot(slot);
    model->merges[slot] = (struct merge){pair, vocabulary->count - 1};
    return true;
}

/* The table of merges writes a character for each byte: printable ones stand for themselves, and
 * those from U+0100 for the others. Ids are in the order of these characters. */
static void number_bytes(struct model *model)
{
    uint32_t printable = 0, other = PRINTABLE_BYTES;
    for (uint32_t byte = 0; byte < BYTES; byte++) {
        const bool is_printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        model->byte_ids[byte] = is_printable ? printable++ : other++;
    }
}

/* The id of the byte that a character of the table stands for; -1 where it stands for none. */
static int read_symbol(const struct model *model, const uint8_t **text, const uint8_t *end)
{
    uint32_t character = *(*text)++;
    if (character >= 0x80 && *text < end)
        character = (character & 0x1F) << 6 | (*(*text)++ & 0x3F);
    if (character < BYTES)
        return (int)model->byte_ids[character];
    const uint32_t id = character - BYTES + PRINTABLE_BYTES;
    return id < BYTES ? (int)id : -1;
}

/* Reads a token up to its delimiter and spells it at `spelling`, in which it is never longer;
 * the token is empty where none is there. */
static struct token read_token(const struct model *model, const uint8_t **text,
                               const uint8_t *end, uint8_t delimiter, uint8_t *spelling)
{
    struct token token = {spelling, 0};
    while (*text < end && **text != delimiter) {
        const int id = read_symbol(model, text, end);
        if (id < 0)
            return (struct token){spelling, 0};
        spelling[token.size++] = (uint8_t)id;
    }
    if (*text < end)
        ++*text;
    return token;
}

/* Turns the table into spellings as it reads it: what they are of has been read by then. */
static bool read_table(struct model *model, struct vocabulary *vocabulary, uint8_t *table,
                       size_t size)
{
    uint8_t single[BYTES];
    for (size_t id = 0; id < BYTES; id++) {
        single[id] = (uint8_t)id;
        add_token(vocabulary, (struct token){&single[id], 1});
    }
    const uint8_t *end = table + size, *text = memchr(table, '\n', size);
    if (!text)
        return false;
    text++; /* the version */
    uint8_t *spelling = table;
    while (text < end) {
        const struct token left = read_token(model, &text, end, ' ', spelling);
        const struct token right = read_token(model, &text, end, '\n', spelling + left.size);
        if (!add_merge(model, vocabulary, left, right))
            return false;
        spelling += left.size + right.size;
    }
    return true;
}

static size_t read_file(const char *assets, uint8_t content[LARGEST_FILE])
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/vocab.bpe", assets) >= (int)sizeof path)
        return 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    const size_t size = fread(content, 1, LARGEST_FILE, file);
    const bool whole = feof(file);
    fclose(file);
    return whole ? size : 0;
}

void *kernel_load(const char *assets)
{
    struct model *model = calloc(1, sizeof *model);
    struct vocabulary *vocabulary = calloc(1, sizeof *vocabulary);
    uint8_t *table = malloc(LARGEST_FILE);
    bool is_read = false;
    if (model && vocabulary && table) {
        number_bytes(model);
        is_read = read_table(model, vocabulary, table, read_file(assets, table));
    }
    free(table);
    free(vocabulary);
    if (!is_read) {
        free(model);
        model = NULL;
    }
    return model;
}

/* Requests */

/* How long the character is that the text starts with; 0 where it is no UTF-8 (The Unicode
 * Standard, table 3-7). */
static size_t character_size(const uint8_t *text, size_t left)
{
    const uint8_t lead = *text;
    if (lead < 0x80)
        return 1;
    const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead < 0xC2 || lead > 0xF4 || left < size)
        return 0;
    const uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < lowest || text[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_continuation(text[i]))
            return 0;
    return size;
}

static bool is_utf8(const uint8_t *text, size_t size)
{
    while (size > 0) {
        const size_t character = character_size(text, size);
        if (!character)
            return false;
        text += character;
        size -= character;
    }
    return true;
}

void *kernel_decode(const void *model, const uint8_t *request, size_t size)
{
    (void)model;
    /* The ids' size must not overflow. */
    struct text *text = size > SIZE_MAX / 8 ? NULL : malloc(sizeof *text);
    if (!text || !is_utf8(request, size)) {
        free(text);
        return NULL;
    }
    *text = (struct text){request, size};
    return text;
}

void *kernel_infer(const void *model, void *input)
{
    const struct text text = *(struct text *)input;
    free(input);
    struct tokens *tokens = malloc(sizeof *tokens);
    uint32_t *ids = malloc(text.size * sizeof *ids + 1); /* NULL means failure */
    uint32_t *merged = malloc(text.size * sizeof *merged + 1);
    if (tokens && ids && merged) {
        *tokens = (struct tokens){ids, tokenize(model, text, ids, merged)};
    } else {
        free(tokens);
        free(ids);
        tokens = NULL;
    }
    free(merged);
    return tokens;
}

uint8_t *kernel_encode(void *output, size_t *size)
{
    const struct tokens tokens = *(struct tokens *)output;
    free(output);
    *size = tokens.count * sizeof *tokens.ids;
    return (uint8_t *)tokens.ids;
}
