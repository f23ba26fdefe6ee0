#!/bin/sh
# All that is measured on a machine with a GPU, in one call of under ten minutes. The
# machine needs its driver, and neither Go nor a toolkit: make gpu-binaries elsewhere,
# take the folder bin/gpu there, and run
#
#	sh gpu.sh FOLDER
#
# It prints a line as each part ends, and then a table of what was measured beside the
# goals and the peers. FOLDER goes to results/: gpu.log has all that was printed,
# cuda.jsonl the records of optbench, peers.jsonl those of gpu_peers.py, goals.md the
# table. Every part has a time limit, and all have one together; a part that fails, or
# whose tools are not there, says so, and the others go on.
set -u
out=${1:?usage: sh gpu.sh FOLDER}
mkdir -p "$out" && out=$(cd "$out" && pwd) && cd "$(dirname "$0")" || exit 1
[ ! -e "$out/gpu.log" ] || { echo "$out has a run already, want another folder" >&2; exit 2; }
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64"
missing=$(./optbench list --json | sed -n 's/.*"name":"cuda:0","missing":"\([^"]*\)".*/\1/p')
[ -z "$missing" ] || { echo "cuda:0 is not here: $missing" >&2; exit 4; }
log=$out/gpu.log
failed=
end=$(($(date +%s) + 580))
# What the driver compiles it keeps for the parts that follow.
CUDA_CACHE_PATH=$(mktemp -d) || exit 1
export CUDA_CACHE_PATH
trap 'rm -rf "$CUDA_CACHE_PATH"' EXIT

# part SECONDS NAME COMMAND... runs a part, and tells in the log what it was.
part() {
	limit=$1 name=$2
	shift 2
	start=$(date +%s)
	[ $((end - start)) -ge "$limit" ] || limit=$((end - start))
	if [ "$limit" -le 0 ]; then
		echo "$name: no time is left" | tee -a "$log"
		failed="$failed $name"
		return
	fi
	printf '\n=== %s: %s\n' "$name" "$*" >>"$log"
	timeout "$limit" "$@" >>"$log" 2>&1
	code=$?
	printf '%-12s %4d s, exit code %d\n' "$name" $(($(date +%s) - start)) $code | tee -a "$log"
	[ $code -eq 0 ] || failed="$failed $name"
}

# run SECONDS NAME AXIS... measures cases, and appends their records.
run() {
	limit=$1 name=$2
	shift 2
	for axis in "$@"; do
		set -- "$@" -a "$axis"
		shift
	done
	part "$limit" "$name" ./optbench run -a backend=cuda:0 "$@" -o "$out/cuda.jsonl"
}

: >"$log"
if command -v nvidia-smi >/dev/null; then
	part 20 driver nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit,ecc.mode.current --format=csv
fi
part 20 list ./optbench list
OPTBENCH_REQUIRE=cuda:0 part 150 conformance ./backend.test -test.short -test.run 'TestConformance/cuda:0|TestGrids'
run 90 updates n=1e6,2^26
run 60 huge update=adam n=2359332864 cache=hot
run 40 layers update=adamw,lamb,lars n=640000 tensors=10000
run 60 models update=adamw,lamb tensors=bert-large,gpt2,resnet50
run 30 clip update=adam,lamb n=2^28 clip=0,1
run 30 equal update=adamw,lamb n=209715200 tensors=200
run 60 storages update=adam,lamb n=2^26 dtype=bf16,bf16-states,bf16-master
run 20 bytes update=adam n=2^26 dtype=q8-states
if command -v python3 >/dev/null; then
	part 120 peers python3 gpu_peers.py "$out/peers.jsonl"
else
	echo 'peers: python3 is not there' | tee -a "$log"
fi
if command -v compute-sanitizer >/dev/null; then
	OPTBENCH_REQUIRE=cuda:0 part 80 sanitizer compute-sanitizer --error-exitcode 9 ./backend.test -test.short -test.run 'TestConformance/cuda:0/(adam|lamb|clipped-gd)/case=0$'
else
	echo 'sanitizer: compute-sanitizer is not there' | tee -a "$log"
fi
part 10 table ./optbench table "$out/cuda.jsonl" --format md
if command -v python3 >/dev/null; then
	python3 gpu_goals.py "$out" >"$out/goals.md" 2>>"$log" || failed="$failed goals"
	cat "$out/goals.md"
else
	echo 'goals: python3 is not there; where it is: python3 scripts/gpu_goals.py FOLDER' | tee -a "$log"
fi
[ -z "$failed" ] || { echo "failed:$failed; see $log" >&2; exit 1; }
