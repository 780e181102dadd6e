# ferry. `make help` says what there is.
# Everything is built under build/, by the presets of CMakePresets.json.

JOBS    ?= $(shell nproc)
PREFIX  ?= /usr/local
DESTDIR ?=
export JOBS

.PHONY: help demo check test bench fuzz format install clean

help:
	@echo "make demo     install what is missing, build, call into libc, libm, zlib and a library of ferry's own, short bench"
	@echo "make check    install what is missing, build with gcc and clang, run all tests (STEPS=\"style gcc\": only some;"
	@echo "              scripts/check.sh --list names them)"
	@echo "make test     the tests of the gcc build alone"
	@echo "make bench    build and run the whole bench; JSON and SVG go to build/bench"
	@echo "make fuzz     random signatures against gcc and clang, and libFuzzer, until stopped with Ctrl-C"
	@echo "make format   clang-format over all sources"
	@echo "make install  PREFIX=/usr/local DESTDIR="
	@echo "make clean    remove build/"

demo:
	@scripts/install-deps.sh demo
	@scripts/demo.sh

check:
	@scripts/install-deps.sh check
	@scripts/check.sh $(STEPS)

test:
	@scripts/check.sh gcc test

bench:
	@scripts/build.sh release
	@scripts/bench.sh

fuzz:
	@scripts/fuzz.sh forever

format:
	@scripts/format.sh -i

install:
	@scripts/build.sh release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@DESTDIR=$(DESTDIR) cmake --install build/release

clean:
	rm -rf build
