//go:build cuda && linux && (amd64 || arm64)

// Every entry point of the driver is a jump through a slot. All slots lead at first
// to code that binds them, and then, with the arguments as they were, to where they
// lead now: no signature is repeated here. Symbols are hidden, so that no library,
// the driver's own included, is ever bound to them.

#define _GNU_SOURCE
#include <cuda.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

#define HIDDEN __attribute__((visibility("hidden")))

// PTX of version 6.3, which the kernels are written in, came with CUDA 10.0.
enum { LEAST_VERSION = 10000 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int bound;
static void *(*find)(const char *name);
static void *library;
static char missing[256], path[256];
static CUresult (*describe)(CUresult, const char **); // NULL where the driver lacks it

// Where the system does not look, and some images have it.
static const char *const places[] = {
	"libcuda.so.1",
	"/usr/local/nvidia/lib64/libcuda.so.1",
	"/usr/lib/wsl/lib/libcuda.so.1",
};

static void *in_library(const char *name) { return dlsym(library, name); }

static void open_library(void) {
	const char *chosen = getenv("OPTBENCH_LIBCUDA");
	if (chosen && *chosen) {
		library = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
		if (!library) snprintf(missing, sizeof missing, "no driver: OPTBENCH_LIBCUDA: %s", dlerror());
	} else {
		for (size_t i = 0; !library && i < sizeof places / sizeof *places; i++) {
			library = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
			const char *why = library ? "" : dlerror();
			if (!library && i == 0) {
				if (strstr(why, "No such file")) why = "libcuda.so.1 is not there";
				snprintf(missing, sizeof missing, "no driver: %s", why);
			}
		}
	}
	if (library) {
		*missing = 0;
		find = in_library;
	}
}

static const char *name_of(CUresult result) {
	const char *name = NULL;
	return describe && describe(result, &name) == CUDA_SUCCESS ? name : NULL;
}

// start initialises the driver and says what is wrong with it, if anything.
static void start(void) {
	CUresult (*init)(unsigned) = find("cuInit");
	CUresult (*version)(int *) = find("cuDriverGetVersion");
	CUresult (*count)(int *) = find("cuDeviceGetCount");
	describe = find("cuGetErrorName");
	if (!init || !version || !count) {
		snprintf(missing, sizeof missing, "the driver is no CUDA driver: it lacks cuInit, cuDriverGetVersion or cuDeviceGetCount");
		return;
	}
	int have = 0, devices = 0;
	if (version(&have) == CUDA_SUCCESS && have < LEAST_VERSION) {
		snprintf(missing, sizeof missing, "the driver is too old: it is for CUDA %d.%d, want %d.0 or later",
			have / 1000, have % 1000 / 10, LEAST_VERSION / 1000);
		return;
	}
	CUresult result = init(0);
	if (result == CUDA_SUCCESS) result = count(&devices);
	if (result == CUDA_ERROR_NO_DEVICE || (result == CUDA_SUCCESS && devices == 0)) {
		snprintf(missing, sizeof missing, "no device: the driver is there and finds none");
	} else if (result != CUDA_SUCCESS) {
		const char *name = name_of(result);
		snprintf(missing, sizeof missing, "the driver does not start: %s (%d)", name ? name : "an error without a name", result);
	}
}

static CUresult no_device(void) { return CUDA_ERROR_NO_DEVICE; }
static CUresult not_found(void) { return CUDA_ERROR_NOT_FOUND; }

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

void cudashim_first(void);
#define X(name) HIDDEN void *cudashim_slot_##name = (void *)cudashim_first;
#include "symbols.h"
#undef X

// The names of slots do not change with the versions of entry points, and those
// that the driver is asked for do.
#define X(name) {TEXT(name), &cudashim_slot_##name},
static const struct {
	const char *name;
	void **slot;
} entries[] = {
#include "symbols.h"
};
#undef X

static void bind_all(void) {
	pthread_mutex_lock(&lock);
	bound = 1;
	pthread_mutex_unlock(&lock);
	if (!find) open_library();
	if (find) start();
	Dl_info info;
	if (library && dladdr(find("cuInit"), &info) && info.dli_fname) snprintf(path, sizeof path, "%s", info.dli_fname);
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		void *f = *missing ? (void *)no_device : find(entries[i].name);
		__atomic_store_n(entries[i].slot, f ? f : (void *)not_found, __ATOMIC_RELEASE);
	}
}

HIDDEN void cudashim_bind(void) { pthread_once(&once, bind_all); }

const char *cudashim_missing(void) {
	cudashim_bind();
	return missing;
}

const char *cudashim_error_name(int result) {
	cudashim_bind();
	return name_of((CUresult)result);
}

const char *cudashim_path(void) {
	cudashim_bind();
	return path;
}

int cudashim_install(void *(*f)(const char *name)) {
	pthread_mutex_lock(&lock);
	if (!bound) find = f;
	pthread_mutex_unlock(&lock);
	return find == f;
}

// Package cu calls cuInit as the program starts and ends it where that fails. The
// driver is initialised when it is first used.
HIDDEN CUresult cuInit(unsigned flags) {
	(void)flags;
	return CUDA_SUCCESS;
}

#if defined(__x86_64__)
// r11 is the slot.
__asm__(
	".text\n.hidden cudashim_first\n.type cudashim_first,@function\ncudashim_first:\n"
	"  push %rbp\n  mov %rsp,%rbp\n  sub $192,%rsp\n"
	"  mov %rdi,0(%rsp)\n  mov %rsi,8(%rsp)\n  mov %rdx,16(%rsp)\n  mov %rcx,24(%rsp)\n"
	"  mov %r8,32(%rsp)\n  mov %r9,40(%rsp)\n  mov %rax,48(%rsp)\n  mov %r11,56(%rsp)\n"
	"  movaps %xmm0,64(%rsp)\n  movaps %xmm1,80(%rsp)\n  movaps %xmm2,96(%rsp)\n  movaps %xmm3,112(%rsp)\n"
	"  movaps %xmm4,128(%rsp)\n  movaps %xmm5,144(%rsp)\n  movaps %xmm6,160(%rsp)\n  movaps %xmm7,176(%rsp)\n"
	"  call cudashim_bind\n"
	"  mov 0(%rsp),%rdi\n  mov 8(%rsp),%rsi\n  mov 16(%rsp),%rdx\n  mov 24(%rsp),%rcx\n"
	"  mov 32(%rsp),%r8\n  mov 40(%rsp),%r9\n  mov 48(%rsp),%rax\n  mov 56(%rsp),%r11\n"
	"  movaps 64(%rsp),%xmm0\n  movaps 80(%rsp),%xmm1\n  movaps 96(%rsp),%xmm2\n  movaps 112(%rsp),%xmm3\n"
	"  movaps 128(%rsp),%xmm4\n  movaps 144(%rsp),%xmm5\n  movaps 160(%rsp),%xmm6\n  movaps 176(%rsp),%xmm7\n"
	"  leave\n  jmp *(%r11)\n"
	".size cudashim_first,.-cudashim_first\n");
#define JUMP(slot) "  lea " slot "(%rip),%r11\n  jmp *(%r11)\n"
#else
// x16 is the slot; x16 and x17 are for such jumps.
__asm__(
	".text\n.hidden cudashim_first\n.type cudashim_first,%function\ncudashim_first:\n"
	"  stp x29,x30,[sp,#-224]!\n  mov x29,sp\n"
	"  stp x0,x1,[sp,#16]\n  stp x2,x3,[sp,#32]\n  stp x4,x5,[sp,#48]\n  stp x6,x7,[sp,#64]\n  stp x8,x16,[sp,#80]\n"
	"  stp q0,q1,[sp,#96]\n  stp q2,q3,[sp,#128]\n  stp q4,q5,[sp,#160]\n  stp q6,q7,[sp,#192]\n"
	"  bl cudashim_bind\n"
	"  ldp q0,q1,[sp,#96]\n  ldp q2,q3,[sp,#128]\n  ldp q4,q5,[sp,#160]\n  ldp q6,q7,[sp,#192]\n"
	"  ldp x0,x1,[sp,#16]\n  ldp x2,x3,[sp,#32]\n  ldp x4,x5,[sp,#48]\n  ldp x6,x7,[sp,#64]\n  ldp x8,x16,[sp,#80]\n"
	"  ldp x29,x30,[sp],#224\n  ldr x17,[x16]\n  br x17\n"
	".size cudashim_first,.-cudashim_first\n");
#define JUMP(slot) "  adrp x16," slot "\n  add x16,x16,:lo12:" slot "\n  ldr x17,[x16]\n  br x17\n"
#endif

#define ENTRY(name, slot) \
	__asm__(".text\n.globl " name "\n.hidden " name "\n.type " name ",%function\n.p2align 4\n" \
		name ":\n" JUMP(slot) ".size " name ",.-" name "\n");
#define X(name) ENTRY(TEXT(name), TEXT(cudashim_slot_##name))
#include "symbols.h"
