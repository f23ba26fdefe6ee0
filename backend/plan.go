package backend

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cpu"
)

// A plan runs in stages. In each the calling goroutine first runs the host
// functions, which turn sums into scalars and scalars into constants; then all
// workers run their tasks. Ops that do not wait for one another share stages.
type cpuPlan struct {
	backend *cpuBackend
	stages  []*stage
	step    kernels.Step
	kernels []string
	bytes   int64
	skipped atomic.Int64
	users   []*allocation // what the plan keeps from being freed
	scratch []*region     // memory of its own
	closed  bool
}

type stage struct {
	host    []func()
	pieces  []piece
	layers  []*layer
	workers []share
	run     func(worker int)
}

// A share is what one worker does in a stage.
type share struct {
	tasks  []task
	layers []*layer
}

// A piece is a pass over consecutive elements of one tensor, before it is cut.
type piece struct {
	form   *kernels.Stored
	pass   int
	arrays []unsafe.Pointer // they keep the memory from being collected
	first  int              // of a noise, the index of its first element
	n      int
	sums   unsafe.Pointer
	state  *state
}

// state is what the pieces of a group or of a tensor share.
type state struct {
	coef  kernels.Coef // constants of the step
	coefs cpu.Coefs    // the same, rounded
	skip  bool
}

// A task is a piece, or a part of one, for one worker.
type task struct {
	span  cpu.Span
	n     int
	state *state
}

// minBytes is the least memory traffic that is worth a worker of its own:
// handing it over costs as much as moving some ten KiB within a cache.
const minBytes = 32 << 10

func (p *cpuPlan) Step(st kernels.Step) error {
	if p.closed {
		return fmt.Errorf("step: the plan: %w", ErrClosed)
	}
	if err := st.Check(); err != nil {
		return err
	}
	p.step = st
	for _, s := range p.stages {
		for _, f := range s.host {
			f()
		}
		if len(s.workers) > 0 {
			p.backend.pool.do(len(s.workers), s.run)
		}
	}
	runtime.KeepAlive(p)
	return nil
}

func (p *cpuPlan) Kernels() []string       { return slices.Clone(p.kernels) }
func (p *cpuPlan) Bytes() int64            { return p.bytes }
func (p *cpuPlan) Skipped() (int64, error) { return p.skipped.Load(), nil }

func (p *cpuPlan) Close() error {
	if p.closed {
		return fmt.Errorf("close: the plan: %w", ErrClosed)
	}
	p.closed = true
	var first error
	for _, r := range p.scratch {
		if err := memory.free(r); err != nil && first == nil {
			first = fmt.Errorf("close: %w", err)
		}
	}
	for _, a := range p.users {
		a.plans--
	}
	p.users, p.stages, p.scratch = nil, nil, nil
	p.backend.plans--
	return first
}

func (p *cpuPlan) Stream() (Plan, error) {
	if p.closed {
		return nil, fmt.Errorf("stream: the plan: %w", ErrClosed)
	}
	s := &cpuPlan{backend: p.backend, bytes: p.bytes, kernels: []string{"stream"}}
	for _, st := range p.stages {
		if len(st.pieces)+len(st.layers) > 0 {
			pieces := slices.Clone(st.pieces)
			for _, l := range st.layers {
				pc := l.piece
				pc.pass = residentPass
				pieces = append(pieces, pc)
			}
			s.stages = append(s.stages, &stage{pieces: pieces})
		}
	}
	// A step that p skipped must not make its stream skip: what the pieces
	// share is p's.
	own := &state{}
	for _, st := range s.stages {
		for i := range st.pieces {
			st.pieces[i].state = own
		}
	}
	s.cut(func(pc piece) cpu.Span {
		return cpu.Stream(pc.form, pc.mix(), pc.arrays, pc.n)
	})
	s.hold(p.users)
	return s, nil
}

// hold keeps allocations from being freed while the plan is open.
func (p *cpuPlan) hold(users []*allocation) {
	p.users = users
	for _, a := range users {
		a.plans++
	}
	p.backend.plans++
}

// cut divides the pieces of every stage among workers: each gets consecutive
// pieces or parts, of about equal memory traffic. A pass with sums is cut
// between units, so that each unit has one owner; others at whole cache lines from
// the start of the piece.
func (p *cpuPlan) cut(bind func(piece) cpu.Span) {
	for _, s := range p.stages {
		var total int
		for _, pc := range s.pieces {
			total += pc.bytes()
		}
		all := total + s.resident()
		if all == 0 {
			continue
		}
		n := min(p.backend.info.Threads, max(1, all/minBytes))
		s.workers = make([]share, n)
		for w, layers := range assign(s.layers, n) {
			s.workers[w].layers = layers
		}
		var done int
		for _, pc := range s.pieces {
			for pc.n > 0 {
				w := min(done*n/total, n-1)
				part := pc.head((w+1)*total/n - done)
				if w == n-1 {
					part = pc.n
				}
				head := pc
				head.n = part
				s.workers[w].tasks = append(s.workers[w].tasks, task{bind(head), head.n, pc.state})
				done += head.bytes()
				if part == pc.n {
					break
				}
				pc = pc.tail(part)
			}
		}
		s.run = func(worker int) {
			for _, t := range s.workers[worker].tasks {
				if !t.state.skip {
					t.span.Run(&t.state.coefs, 0, t.n)
				}
			}
			runLayers(s.workers[worker].layers)
		}
	}
}

// residentPass stands for both passes of a tensor that stays in a cache.
const residentPass = -1

// draws reports whether the piece is of a noise.
func (pc piece) draws() bool { return pc.form.Passes[0].Draw32 != nil }

func (pc piece) bytes() int {
	if pc.pass == residentPass {
		return pc.resident()
	}
	return pc.form.PassBytes(pc.pass, pc.n)
}

// resident is the memory traffic of both passes over a tensor that stays in a
// cache between them.
func (pc piece) resident() int { return pc.form.ResidentBytes(pc.n) }

func (pc piece) mix() kernels.Mix {
	if pc.pass == residentPass {
		return pc.form.ResidentMix()
	}
	return pc.form.Mix(pc.pass)
}

// resident is the memory traffic of the layers of a stage.
func (s *stage) resident() int {
	total := 0
	for _, l := range s.layers {
		total += l.resident()
	}
	return total
}

// head returns how many leading elements move about that many bytes, rounded
// to where the piece may be cut; at least one such part.
func (pc piece) head(bytes int) int {
	grain := lineSize // in elements: whole lines, also of bytes
	switch {
	case len(pc.form.Passes) > 1 || pc.sums != nil:
		grain = kernels.Unit
	case pc.draws():
		grain = kernels.NoiseGroup
	case pc.form.Grain() > 1:
		grain = pc.form.Grain()
	}
	perGrain := piece{form: pc.form, pass: pc.pass, n: grain}.bytes()
	parts := (bytes + perGrain/2) / perGrain
	return min(pc.n, max(1, parts)*grain)
}

// tail returns what is behind the first elements of pc, which has more.
func (pc piece) tail(from int) piece {
	arrays := make([]unsafe.Pointer, len(pc.arrays))
	for i, p := range pc.arrays {
		arrays[i] = unsafe.Add(p, pc.form.Types[i].Bytes(from))
	}
	pc.arrays = arrays
	if pc.sums != nil {
		size := 4
		if pc.form.Wide() {
			size = 8
		}
		pc.sums = unsafe.Add(pc.sums, from/kernels.Unit*pc.form.Passes[pc.pass].Sums*size)
	}
	pc.first += from
	pc.n -= from
	return pc
}
