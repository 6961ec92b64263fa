# Cases whose right behaviour is that a planted fault is caught: tools/mutation_report.sh plants them.
report=$SOURCE/tools/mutation_report.sh
[[ -x $report ]] || wrong "no test is known to catch it: there is no tools/mutation_report.sh"
not_checked "run tools/mutation_report.sh: it plants the faults of '$mutant' and takes longer than these checks"
