/* The lab's other end as a component of its own: Python calls compiled code, and no host is between them.
 * Values are lowered and lifted as the canonical ABI has them (the component model's CanonicalABI.md): what
 * is handed out lies where it is, and what is taken was copied to where `cabi_realloc` has room. */
#include <stddef.h>
#include <stdint.h>

#define EXPORTED(name) __attribute__((export_name(name)))
#define LAB(function) EXPORTED("wasmfit:component/lab#" function)

enum {
    /* 1 MiB: the largest payload there is. */
    MOST_VALUES = 1 << 17,
    ITEM_VALUES = 8,
    MOST_ITEMS = MOST_VALUES / ITEM_VALUES,
    ROOM_BYTES = 4 << 20,
};

typedef struct {
    const void *elements;
    size_t count;
} List;

typedef struct {
    uint32_t number;
    List values;
} Item;

typedef struct {
    uint8_t is_there;
    double value;
} Option;

/* As `numbers` of boundary/workload.py has them. */
static const double *numbers(void)
{
    enum { PERIOD = 1024 };
    static double values[MOST_VALUES];
    static int is_made;
    if (!is_made) {
        uint64_t state = 42;
        for (size_t at = 0; at < PERIOD; at++) {
            state = 6364136223846793005u * state + 1442695040888963407u;
            values[at] = (double)(state >> 11) / (double)(1ull << 53);
        }
        for (size_t at = PERIOD; at < MOST_VALUES; at++)
            values[at] = values[at - PERIOD];
        is_made = 1;
    }
    return values;
}

static const Item *items(void)
{
    static Item made[MOST_ITEMS];
    if (!made[0].values.count) {
        const double *values = numbers();
        for (uint32_t number = 0; number < MOST_ITEMS; number++)
            made[number] = (Item){number, {values + number * ITEM_VALUES, ITEM_VALUES}};
    }
    return made;
}

static _Alignas(16) uint8_t room[ROOM_BYTES];
static size_t used;

/* Room for what comes in; all of it is free again once it was taken. */
EXPORTED("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    (void)old, (void)old_size;
    size_t at = (used + align - 1) & ~(align - 1);
    if (size > ROOM_BYTES || at > ROOM_BYTES - size)
        __builtin_trap();
    used = at + size;
    return room + at;
}

static const List *handed(const void *elements, size_t count)
{
    static List list;
    list = (List){elements, count};
    return &list;
}

static size_t within(size_t count)
{
    if (count > MOST_VALUES)
        __builtin_trap();
    return count;
}

static const Option *last_of(const double *values, size_t count)
{
    static Option option;
    option = count ? (Option){1, values[count - 1]} : (Option){0};
    used = 0;
    return &option;
}

LAB("hold-bytes") const List *hold_bytes(size_t count)
{
    return handed(numbers(), within(count) * sizeof(double));
}

LAB("hold-floats") const List *hold_floats(size_t count) { return handed(numbers(), within(count)); }

LAB("hold-items") const List *hold_items(size_t count)
{
    return handed(items(), within(count) / ITEM_VALUES);
}

LAB("take-bytes") const Option *take_bytes(const uint8_t *bytes, size_t size)
{
    double last = 0;
    if (size >= sizeof last)
        __builtin_memcpy(&last, bytes + size - sizeof last, sizeof last);
    return last_of(&last, size >= sizeof last);
}

LAB("take-floats") const Option *take_floats(const double *values, size_t count)
{
    return last_of(values, count);
}

LAB("take-items") const Option *take_items(const Item *taken, size_t count)
{
    const List none = {0}, *values = count ? &taken[count - 1].values : &none;
    return last_of(values->elements, values->count);
}
