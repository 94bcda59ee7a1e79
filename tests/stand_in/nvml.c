/* A stand-in for NVML: the few functions a meter calls, over cards that the test describes.
 *
 * CARDS is a list of struct card; ENERGY_ABSENT leaves the energy function out, as drivers before it did;
 * SHUTDOWN_ABSENT leaves out the function without which a library is no NVML; INIT is what nvmlInit_v2 returns;
 * LATENCY is how many seconds each read takes; FAULT_AT is the age in seconds at which a fault sets in; MILLIWATTS is
 * what power reads, whatever the card draws; COMPUTE and GRAPHICS are the numbers of processes on each card.
 * A card that is WORKED draws its watts, and beside them what the test says it takes; its counter shows both at ticks.
 * The layouts and the error numbers are those of NVIDIA's header.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* The first line from the start, the others from FAULT_AT on. */
enum {
    STEADY, WORKED, STUCK, BACKWARDS, ZERO, MAXIMUM,
    STICKS, REVERSES, ZEROES, CONSTANT, UNDERFLOWS, FORBIDDEN,
    UNLOADED, LOST /* which take the power with them */
};

struct card {
    const char *bus;
    unsigned architecture;
    int mig;          /* -1: the card knows no MIG */
    int handle;       /* what asking for the card's handle returns */
    int energy;       /* what asking for its energy returns */
    int power;        /* what asking for its power returns */
    int instant;      /* what asking for the power of the moment returns */
    unsigned device;  /* PCI device and vendor */
    int virtual;      /* its virtualization mode; -1: not told */
    int behaviour;
    double watts;
    double tick;      /* seconds between two publications */
};

static const struct card cards[] = { CARDS };
static const unsigned count = sizeof cards / sizeof cards[0];

#ifndef INIT
#define INIT 0
#endif

#ifndef LATENCY
#define LATENCY 0
#endif
#ifndef FAULT_AT
#define FAULT_AT 1.0
#endif

struct pci {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_id[32];
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double born;

static void dawdle(void) {
    struct timespec t = { 0, (long)(LATENCY * 1e9) };
    if (t.tv_nsec > 0) nanosleep(&t, 0);
}

/* What has become of the card, as an error number, or 0. */
static int gone(const struct card *device) {
    if (now() - born < FAULT_AT) return 0;
    if (device->behaviour == UNLOADED) return 9;
    if (device->behaviour == LOST) return 15;
    return 0;
}

static uint64_t ticks(const struct card *device) {
    return (uint64_t)((now() - born) / device->tick);
}

static atomic_flag counting = ATOMIC_FLAG_INIT;
static uint64_t counted_tick;
static double taken, counted;

/* Joules as the last tick found them, after `more` were taken. */
static double count_joules(double more) {
    while (atomic_flag_test_and_set(&counting)) {}
    if (ticks(&cards[0]) != counted_tick) {
        counted_tick = ticks(&cards[0]);
        counted = taken;
    }
    taken += more;
    double joules = counted;
    atomic_flag_clear(&counting);
    return joules;
}

void stand_in_takes(double joules) { count_joules(joules); }

static unsigned milliwatts(const struct card *device) {
#ifdef MILLIWATTS
    (void)device;
    return MILLIWATTS;
#else
    /* No sensor of power stands still: a watt up or down, evenly. */
    return (unsigned)(1e3 * device->watts) + (ticks(device) % 2 ? 1000 : -1000);
#endif
}

int nvmlInit_v2(void) {
    if (born == 0) born = now();
    return INIT;
}

#ifndef SHUTDOWN_ABSENT
int nvmlShutdown(void) { return 0; }
#endif

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    strncpy(text, "550.00", length);
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *n) {
    *n = count;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, const struct card **device) {
    if (index >= count) return 2;
    *device = &cards[index];
    if (gone(&cards[index])) return gone(&cards[index]);
    return cards[index].handle;
}

int nvmlDeviceGetPciInfo_v3(const struct card *device, struct pci *pci) {
    memset(pci, 0, sizeof *pci);
    strncpy(pci->bus_id, device->bus, sizeof pci->bus_id - 1);
    pci->id = device->device;
    return 0;
}

int nvmlDeviceGetName(const struct card *device, char *text, unsigned length) {
    (void)device;
    strncpy(text, "Stand-in card", length);
    return 0;
}

int nvmlDeviceGetArchitecture(const struct card *device, unsigned *architecture) {
    *architecture = device->architecture;
    return 0;
}

int nvmlDeviceGetMigMode(const struct card *device, unsigned *current, unsigned *pending) {
    if (device->mig < 0) return 3;
    *current = *pending = (unsigned)device->mig;
    return 0;
}

int nvmlDeviceGetUUID(const struct card *device, char *text, unsigned length) {
    strncpy(text, "GPU-", length);
    strncat(text, device->bus, length - 5);
    return 0;
}

int nvmlDeviceGetVirtualizationMode(const struct card *device, unsigned *mode) {
    if (device->virtual < 0) return 3;
    *mode = (unsigned)device->virtual;
    return 0;
}

int nvmlDeviceGetPowerUsage(const struct card *device, unsigned *value) {
    dawdle();
    *value = milliwatts(device);
    return device->power;
}

struct field {
    unsigned id, scope;
    long long timestamp, latency;
    int type, outcome;
    union { double real; unsigned word; unsigned long long wide; } value;
};

int nvmlDeviceGetFieldValues(const struct card *device, int fields, struct field *field) {
    dawdle();
    for (int at = 0; at < fields; at++) {
        field[at].outcome = field[at].id == 186 ? device->instant : 3;
        field[at].type = 1; /* unsigned int */
        field[at].value.word = milliwatts(device);
    }
    return 0;
}

int nvmlDeviceGetClockInfo(const struct card *device, unsigned type, unsigned *megahertz) {
    (void)device;
    if (type != 1 && type != 2) return 2;
    *megahertz = type == 1 ? 1410 : 9501; /* SM, memory */
    return 0;
}

int nvmlDeviceGetTemperature(const struct card *device, unsigned sensor, unsigned *celsius) {
    (void)device;
    *celsius = 71;
    return sensor ? 2 : 0;
}

int nvmlDeviceGetEnforcedPowerLimit(const struct card *device, unsigned *limit) {
    (void)device;
    *limit = 285000;
    return 0;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(const struct card *device, unsigned long long *reasons) {
    (void)device;
    *reasons = 0x4 | 0x20 | 0x1; /* SW power cap, SW thermal slowdown, idle */
    return 0;
}

int nvmlDeviceGetViolationStatus(const struct card *device, unsigned policy, unsigned long long *times) {
    (void)device;
    if (policy > 1) return 3;
    times[0] = 1;
    times[1] = policy == 0 ? 2500000000ull : 125000000ull; /* power, heat: nanoseconds */
    return 0;
}

struct process {
    unsigned pid;
    unsigned long long memory;
    unsigned instance, part;
};

#ifndef COMPUTE
#define COMPUTE 0
#endif
#ifndef GRAPHICS
#define GRAPHICS 0
#endif

/* A list that ends at the first 0. */
static int list(const unsigned *pids, unsigned length, unsigned *n, struct process *out) {
    unsigned there = 0, room = *n;
    while (there < length && pids[there]) there++;
    *n = there;
    if (room < there) return 7;
    for (unsigned at = 0; at < there; at++)
        out[at] = (struct process){ pids[at], 1 << 20, ~0u, ~0u };
    return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(const struct card *device, unsigned *n, struct process *out) {
    static const unsigned pids[] = { COMPUTE };
    (void)device;
    return list(pids, sizeof pids / sizeof pids[0], n, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(const struct card *device, unsigned *n, struct process *out) {
    static const unsigned pids[] = { GRAPHICS };
    (void)device;
    return list(pids, sizeof pids / sizeof pids[0], n, out);
}

#ifndef ENERGY_ABSENT
int nvmlDeviceGetTotalEnergyConsumption(const struct card *device, unsigned long long *millijoules) {
    int late = now() - born >= FAULT_AT;
    double joules = device->watts * (double)ticks(device) * device->tick;
    uint64_t grown = (uint64_t)(1e3 * joules);
    uint64_t then = (uint64_t)(1e3 * device->watts * FAULT_AT);
    dawdle();
    if (device->energy) return device->energy;
    *millijoules = 5000000 + grown;
    switch (device->behaviour) {
    case WORKED: *millijoules += (uint64_t)(1e3 * count_joules(0)); break;
    case STUCK: *millijoules = 4711; break;
    case BACKWARDS: *millijoules = 900000000 - grown; break;
    case ZERO: *millijoules = 0; break;
    case MAXIMUM: *millijoules = UINT64_MAX; break;
    case STICKS: if (late) *millijoules = 5000000 + then; break;
    case REVERSES: if (late) *millijoules = 5000000 + 2 * then - grown; break;
    case ZEROES: if (late) *millijoules = 0; break;
    case CONSTANT: if (late) *millijoules = 200000; break;
    case UNDERFLOWS: if (late) *millijoules = 0 - (uint64_t)4096; break;
    case FORBIDDEN: if (late) return 4; break;
    default: break;
    }
    return 0;
}
#endif
