// Package record is the format in which measurements are stored: JSON Lines of
// the schema optbench/1. A run record says once what the machine and the
// command were; each measurement is a line of its own that names its run.
package record

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
)

// Schema is the version that this package writes and reads. A change that old
// readers would misread gets another; fields that they may ignore do not.
const Schema = "optbench/1"

// Kinds of records.
const (
	KindRun         = "run"
	KindThroughput  = "throughput"
	KindConvergence = "convergence"
	KindComparison  = "comparison"
	KindSelftest    = "selftest"
	KindClaim       = "claim"
)

// A Run is what all measurements of one process share.
type Run struct {
	Schema      string              `json:"schema"`
	Kind        string              `json:"kind"`
	ID          string              `json:"id"`
	Time        string              `json:"time"`    // RFC 3339, UTC
	Command     string              `json:"command"` // "optbench run ...", never the path of the program
	Version     string              `json:"version"`
	Commit      string              `json:"commit"` // "unknown" where the build does not say
	Profile     string              `json:"profile"`
	Seed        uint64              `json:"seed"`
	Launch      int                 `json:"launch,omitempty"` // from 1, of Launches fresh processes
	Launches    int                 `json:"launches,omitempty"`
	Environment machine.Environment `json:"environment"`
	GPUs        map[string]GPU      `json:"gpus,omitempty"`       // by the names of their backends
	Comparison  *Plan               `json:"comparison,omitempty"` // of a run that compares
}

// A GPU is a device on which cases were measured.
type GPU struct {
	backend.GPU
	// CopyBytesPerSecond is what it reads and writes where it copies large arrays.
	CopyBytesPerSecond float64 `json:"copy_bytes_per_s,omitempty"`
}

// A Plan is what a comparison was decided by.
type Plan struct {
	A      Side    `json:"a"`
	B      Side    `json:"b"`
	Alpha  float64 `json:"alpha"`
	Margin float64 `json:"margin"`
	Looks  []int   `json:"looks,omitempty"` // pairs after which the data were looked at
	// SameKernels says that the kernels of both sides are the same code: only what
	// calls them can differ.
	SameKernels bool `json:"same_kernels,omitempty"`
}

// A Side is a program that was compared.
type Side struct {
	Spec   string `json:"spec"`             // as it was asked for
	Commit string `json:"commit,omitempty"` // that a revision stands for
	Digest string `json:"digest,omitempty"` // of the code and data of an executable
}

// A Case is what was measured: a point in the space of axes.
type Case struct {
	Update  string  `json:"update"`          // as kernels.Parse reads it
	N       int     `json:"n"`               // parameters in all
	Tensors int     `json:"tensors"`         // that they are cut into
	Model   string  `json:"model,omitempty"` // whose shapes the tensors have
	DType   string  `json:"dtype"`
	Backend string  `json:"backend"`
	Threads int     `json:"threads"`
	Cache   string  `json:"cache"`          // hot, cold
	Clip    float64 `json:"clip,omitempty"` // limit on the global norm of the gradients
}

// A Throughput is the measurement of a case.
type Throughput struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
	Run    string `json:"run"` // ID of its run
	Case   Case   `json:"case"`
	Kernel string `json:"kernel"` // what really ran: "avx512/adamw_f32"

	Samples []float64  `json:"samples_s"` // seconds per step, in the order measured
	Median  float64    `json:"median_s"`
	CI95    [2]float64 `json:"ci95_s"` // 95 % interval of the median
	Bytes   int64      `json:"bytes"`  // least memory traffic of a step

	// The limit: the speed of a stream with the same traffic, sampled
	// interleaved. LimitShare is the median over rounds of its time over that of
	// the step.
	LimitSamples        []float64 `json:"limit_samples_s,omitempty"` // seconds per step
	LimitBytesPerSecond float64   `json:"limit_bytes_per_s"`
	LimitShare          float64   `json:"limit_share"`
	// LimitShareCI95 is the 95 % interval of LimitShare.
	LimitShareCI95 [2]float64 `json:"limit_share_ci95,omitzero"`
	// CoreToCoreNS is the latency between two cores when the case was measured.
	CoreToCoreNS float64 `json:"core_to_core_ns,omitempty"`

	// Telemetry is the state of a device of its own at work, after the measurement.
	Telemetry *backend.Telemetry `json:"telemetry,omitempty"`

	NSPerParam float64  `json:"ns_per_param"`
	Stop       string   `json:"stop"` // why sampling ended: converged, time, samples
	Verified   bool     `json:"verified"`
	Warnings   []string `json:"warnings,omitempty"`
}

// A Task is what an optimizer was set to minimise, and with what.
type Task struct {
	Objective string  `json:"objective"` // with its parameters: "diagonal:condition=1e4"
	Dim       int     `json:"dim"`
	Noise     string  `json:"noise,omitempty"` // on every gradient; "" for none
	Batch     int     `json:"batch,omitempty"` // examples that a gradient is over; 0 for all
	Optimizer string  `json:"optimizer"`       // a name with its hyperparameters, but for the learning rate
	LR        float64 `json:"lr"`
	Schedule  string  `json:"schedule,omitempty"` // of the learning rate; "" for a constant one
	DType     string  `json:"dtype"`
	Backend   string  `json:"backend"`
	Threads   int     `json:"threads"`
}

// A Convergence is one run of an optimizer from one seed. Values are those of the
// objective without noise, above its known minimum.
type Convergence struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
	Run    string `json:"run"`
	Case   Task   `json:"case"`
	Seed   uint64 `json:"seed"`
	Kernel string `json:"kernel"` // what really ran, op by op: "avx512/diagonal_f32+avx512/adamw_f32"
	// Tuning says that the run served to choose the learning rate alone.
	Tuning bool `json:"tuning,omitempty"`

	Budget    int     `json:"budget"`            // steps that it might take; 0 where time alone is limited
	Limit     float64 `json:"limit_s,omitempty"` // seconds that it might take
	Start     float64 `json:"start"`             // value at the first point
	Target    float64 `json:"target"`            // value at which the run ends
	Reached   bool    `json:"reached"`           // Steps and what follows are those to the target; else those spent
	Diverged  bool    `json:"diverged"`          // a value that was not finite, or far above the start
	Steps     int     `json:"steps"`
	GradEvals int64   `json:"grad_evals"` // gradients of the whole objective, or of one sample each
	Seconds   float64 `json:"seconds"`    // of the steps, on the backend's clock
	Bytes     int64   `json:"bytes"`      // least memory traffic of the steps

	Final      float64 `json:"final_value"` // the last that was finite
	Trajectory []Point `json:"trajectory"`  // thinned, from the first point to the last
	StateHash  string  `json:"state_hash"`  // of the final parameters: 64 bits of their SHA-256
}

// A Point is the value that a run had reached after some steps.
type Point struct {
	Step      int     `json:"step"`
	GradEvals int64   `json:"grad_evals"`
	Value     float64 `json:"value"`
	Seconds   float64 `json:"seconds"`
}

// Designs of a comparison.
const (
	Paired   = "pairs"    // launches side by side, in an order drawn for each pair
	Unpaired = "launches" // launches that were recorded apart: drift is not controlled
	Seeded   = "seeds"    // runs of an optimizer from the same seeds
)

// A Comparison says how side b of a case compares with side a. The values of all
// launches or runs stand in it, from which all else follows. Of a case that was not
// tested there is no ratio, interval, p and mde.
type Comparison struct {
	Schema string  `json:"schema"`
	Kind   string  `json:"kind"`
	Run    string  `json:"run"`
	Case   Case    `json:"case,omitzero"`     // of a comparison of times
	Task   *Task   `json:"task,omitempty"`    // of a comparison of steps to a target
	Target float64 `json:"target,omitempty"`  // of a task, as a share of the first value
	Budget int     `json:"budget,omitempty"`  // of a task, in steps
	Limit  float64 `json:"limit_s,omitempty"` // of a task, in seconds where steps are not limited
	Design string  `json:"design"`

	Verdict     string     `json:"verdict"`
	Ratio       float64    `json:"ratio,omitempty"` // of b to a; 0 where they cannot be compared
	CI95        [2]float64 `json:"ci95,omitzero"`
	P           float64    `json:"p,omitempty"`
	PHolm       float64    `json:"p_holm,omitempty"` // adjusted for all cases and looks
	Pairs       int        `json:"pairs"`            // or seeds; or launches of the side that has fewer
	MDE         float64    `json:"mde,omitempty"`    // smallest change that would have been seen, as a share
	MorePairs   int        `json:"more_pairs,omitempty"`
	MoreSeconds float64    `json:"more_seconds,omitempty"` // that those would take

	A       []float64 `json:"a,omitempty"` // seconds per step, of each launch; or steps, of each seed
	B       []float64 `json:"b,omitempty"`
	MissedA []int     `json:"missed_a,omitempty"` // places in A of runs that missed their target, and count at what they took
	MissedB []int     `json:"missed_b,omitempty"`
	LimitA  []float64 `json:"limit_a_s,omitempty"` // of the stream that moves the same bytes
	LimitB  []float64 `json:"limit_b_s,omitempty"`
	Order   string    `json:"order,omitempty"` // the side that ran first in each pair: "abba"
	KernelA string    `json:"kernel_a,omitempty"`
	KernelB string    `json:"kernel_b,omitempty"`
	// Noise is the change that 95 of 100 comparisons of a program with itself stay
	// below on this machine; 0 where it is not known.
	Noise float64  `json:"noise,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// A Selftest says how comparisons of a case fare on a machine.
type Selftest struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
	Run    string `json:"run"`
	Case   Case   `json:"case"`
	Pairs  int    `json:"pairs"` // of each comparison
	// Ratios are what comparisons of a program with itself gave.
	Ratios []float64 `json:"ratios"`
	Alarms int       `json:"alarms"`
	Noise  float64   `json:"noise"` // the change that 95 of 100 stay below
	Plants []Plant   `json:"plants,omitempty"`
}

// A Plant is a slowdown that was planted, and what comparisons found of it.
type Plant struct {
	Work   float64   `json:"work"` // more work, as a share
	Ratios []float64 `json:"ratios"`
	Found  int       `json:"found"`
}

// A Claim is a statement about optimizers, and what was measured of it.
type Claim struct {
	Schema    string     `json:"schema"`
	Kind      string     `json:"kind"`
	Run       string     `json:"run"`
	ID        string     `json:"id"` // C07b
	Statement string     `json:"statement"`
	Source    string     `json:"source"`
	Theory    string     `json:"theory"`
	Measured  float64    `json:"measured"`
	CI95      [2]float64 `json:"ci95"` // over seeds, or the points of a fit; both ends are Measured where there is none
	Verdict   string     `json:"verdict"`
	Rule      string     `json:"rule"` // by which the verdict was found, fixed before
	SeedSet   uint64     `json:"seed_set"`
	Seeds     int        `json:"seeds"` // 0 where nothing is random
	Params    string     `json:"params"`
	Seconds   float64    `json:"seconds"` // of work, on all threads together
	Profile   string     `json:"profile"`
	NotShown  string     `json:"not_shown"`       // what the experiment does not show
	Notes     []string   `json:"notes,omitempty"` // other figures of the same experiment
	Series    []Series   `json:"series,omitempty"`
}

// A Series is measured points of one curve.
type Series struct {
	Name string    `json:"name"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
}

// NewID returns the ID of a new run.
func NewID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
