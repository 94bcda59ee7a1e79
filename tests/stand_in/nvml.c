/* A stand-in for NVML: the few functions a meter calls, over cards that the test describes.
 *
 * CARDS is a list of struct card; ENERGY_ABSENT leaves the energy function out, as drivers before it did;
 * SHUTDOWN_ABSENT leaves out the function without which a library is no NVML; INIT is what nvmlInit_v2 returns.
 * The layout of nvmlPciInfo_t and the error numbers are those of NVIDIA's header.
 */
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { STEADY, STUCK, BACKWARDS, ZERO, MAXIMUM, LOST };

struct card {
    const char *bus;
    unsigned architecture;
    int mig;          /* -1: the card knows no MIG */
    int handle;       /* what asking for the card's handle returns */
    int energy;       /* what asking for its energy returns */
    int behaviour;
    double watts;
    double tick;      /* seconds between two publications */
};

static const struct card cards[] = { CARDS };
static const unsigned count = sizeof cards / sizeof cards[0];

#ifndef INIT
#define INIT 0
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
    return cards[index].handle;
}

int nvmlDeviceGetPciInfo_v3(const struct card *device, struct pci *pci) {
    memset(pci, 0, sizeof *pci);
    strncpy(pci->bus_id, device->bus, sizeof pci->bus_id - 1);
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

#ifndef ENERGY_ABSENT
int nvmlDeviceGetTotalEnergyConsumption(const struct card *device, unsigned long long *millijoules) {
    double age = now() - born;
    uint64_t ticks = (uint64_t)(age / device->tick);
    uint64_t grown = (uint64_t)(1e3 * device->watts * (double)ticks * device->tick);
    if (device->energy) return device->energy;
    switch (device->behaviour) {
    case STUCK: *millijoules = 4711; break;
    case BACKWARDS: *millijoules = 900000000 - grown; break;
    case ZERO: *millijoules = 0; break;
    case MAXIMUM: *millijoules = UINT64_MAX; break;
    case LOST: if (age > 1.0) return 15; /* fall through */
    default: *millijoules = 5000000 + grown;
    }
    return 0;
}
#endif
