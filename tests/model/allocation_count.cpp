// The counters of the kernels' tests, for this test program too: they have to stand in the program that they count in.

#include "tests/kernels/allocation_count.cpp"
