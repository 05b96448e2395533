"""`./pants run benchmarks:bench -- NAME...`; see `--help`."""

from benchmarks.catalogue import BENCHMARKS
from benchmarks.frame.command import main
from temporal_common.process import end_process

if __name__ == "__main__":
    end_process(main(BENCHMARKS))
