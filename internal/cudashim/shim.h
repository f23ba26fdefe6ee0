#ifndef CUDASHIM_H
#define CUDASHIM_H

// Why there is no driver to use, in one line; "" where there is one.
const char *cudashim_missing(void);

// The file that the driver was loaded from; "" where none was.
const char *cudashim_path(void);

// What the driver calls an error: "CUDA_ERROR_OUT_OF_MEMORY"; NULL where it does not
// know it.
const char *cudashim_error_name(int result);

// Puts other functions in the place of the driver's, which find returns by name.
// It is 0, and does nothing, once an entry point has been called.
int cudashim_install(void *(*find)(const char *name));

#endif
