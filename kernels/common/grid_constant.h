#pragma once
// Parameters of kernels that stay where the launch has put them: `const __grid_constant__ Parts parts`. Without it an
// index into an array of a parameter, unknown to the compiler, puts a copy of the parameter into the local memory of
// every thread. Only .cu files include this.

#ifndef __CUDACC__
#define __grid_constant__  // the host compiler's kernels have their arguments in one place anyway
#endif
