. "$SOURCE/tests/cases/mutants.sh"
planted model/training/trainer.cpp zero_untouched_gradients
all_seen
