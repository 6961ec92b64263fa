#pragma once
// Right kernels that show what the emulation's schedule does.

#include "kernels/common/cuda.h"

namespace ethreed::test {

/// visits[linear thread of the grid] = its position in the grid computed from its indices, plus 1 for each visit.
void visit(cudaStream_t stream, dim3 grid, dim3 block, int* visits);
/// ticket[i] = how many threads of the grid had their turn before thread i.
void take_tickets(int blocks, int threads, int* counter, int* ticket);
/// data of each block reversed through shared memory.
void reverse(int blocks, int threads, int* data);
/// votes[3 i …] = count, and, or over the block of (value > 1).
void block_votes(int threads, const int* values, int* votes);
/// Every kind of shuffle, of int and double; out has 10 numbers a lane.
void shuffles(int threads, double* out);
/// out has 4 numbers a lane: ballot, any, all of (lane % 3 == 0) of its half warp, and its warp's ballot.
void votes(unsigned* out, int threads);
/// out[i] = Σ of the lanes with the same parity, which loop differently often before.
void parities(int* out);
/// Rounds in which every block reads what its neighbour wrote in the round before.
void ring(int blocks, int threads, int rounds, int* values);
/// Several sums per block: out[b] and out[blocks + b] (max).
void reductions(cudaStream_t stream, int blocks, int threads, const float* values, int count, float* out);
/// Dynamic and static shared memory of one kernel do not overlap: out[b] = 0.
void both_shared(int blocks, int threads, int* out);
/// data[i] = data[i] · factor + plus
void scale(cudaStream_t stream, int count, float* data, float factor, float plus);
/// The same with another name.
void shift(cudaStream_t stream, int count, float* data, float plus);
/// One warp reads a tile of 32 rows in shared memory, `pitch` elements apart, column by column; out has 32.
void columns(int pitch, float* out);
/// One warp reads 32 doubles, then 32 Vector4 of float, then one float all together; out has 32.
void wide_rows(float* out);
/// All integer atomics on one address each; out has 9.
void atomics(cudaStream_t stream, int blocks, int threads, int* out);
/// Every thread adds 1 to *counter and spins until all of the grid have: a barrier made of atomics.
void spin_barrier(int blocks, int* counter);

}  // namespace ethreed::test
