# The places that EXPECT.txt numbers; 6 and 7 are no faults of a kernel that a test could see.
. "$SOURCE/tests/cases/mutants.sh"
planted adam_device.h on_16_bytes
planted device_cuda.cu synchronize
planted gru_sequence_cuda.cu 'fork|join'
planted coverage_attention_cuda.cu shared_bytes_per_block
planted common/block.h 'other != other'
planted row_log_sum_exp.h infinity
# 6: what CUDA limits is checked on the host.
grep -rqE '65.?535' "$SOURCE/kernels" || wrong "no launch checks that grid.y is 65,535 at most"
all_seen
