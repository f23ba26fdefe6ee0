package ptxsim

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
)

// A Launch says how a kernel runs.
type Launch struct {
	Grid, Block int      // blocks, and threads of each
	Args        []uint64 // a parameter each
	Resident    int      // blocks that run at the same time; 0 for all
	Seed        uint64   // of the order in which warps run; any order is one that a device may take
	Limit       int64    // instructions of warps, after which the launch is given up; 0 for a billion
}

// grid is a launch under way.
type grid struct {
	Launch
	kernel *Kernel
	memory *Memory
	params []byte
	left   int64
	rng    *rand.Rand
	err    error
}

type block struct {
	*grid
	id        int
	warps     []*warp
	registers []lanes // of all warps
	shared    *Array
	interval  uint32 // between barriers
}

type warp struct {
	*block
	first     int // thread
	r         []lanes
	set       []uint32 // of each register, the lanes that have written it
	pc        [32]int
	running   uint32 // lanes that have not ended
	atBarrier uint32
	waiting   uint32 // for other lanes of the warp
}

// Launch runs a kernel to its end, or to its first fault.
func (m *Memory) Launch(k *Kernel, l Launch) error {
	switch {
	case l.Grid < 1 || l.Block < 1:
		return fmt.Errorf("%s: grid %d of blocks of %d threads, want 1 or more", k.name, l.Grid, l.Block)
	case k.maxThreads > 0 && l.Block > k.maxThreads:
		return fmt.Errorf("%s: blocks of %d threads, and the kernel takes %d", k.name, l.Block, k.maxThreads)
	case len(l.Args) != len(k.params):
		return fmt.Errorf("%s: %d arguments, want %d", k.name, len(l.Args), len(k.params))
	}
	if l.Resident == 0 {
		l.Resident = l.Grid
	}
	if l.Limit == 0 {
		l.Limit = 1e9
	}
	m.launches++
	g := &grid{Launch: l, kernel: k, memory: m, left: l.Limit, rng: rand.New(rand.NewPCG(l.Seed, 0))}
	for i, x := range l.Args {
		size := k.params[i]
		g.params = append(g.params, make([]byte, (size-len(g.params)%size)%size+size)...)
		put(g.params[len(g.params)-size:], x)
	}
	var resident []*block
	for next := 0; next < l.Grid || len(resident) > 0; {
		for ; next < l.Grid && len(resident) < l.Resident; next++ {
			resident = append(resident, g.start(next))
		}
		i := 0
		if l.Seed != 0 {
			i = g.rng.IntN(len(resident))
		}
		b := resident[i]
		done := b.run()
		if g.err != nil {
			return g.err
		}
		resident = append(resident[:i], resident[i+1:]...)
		if !done {
			resident = append(resident, b)
		} else {
			m.spare = append(m.spare, b.registers)
		}
	}
	return nil
}

// registers returns so many, whose values are those of any block that has ended: what
// a warp has not written it cannot read.
func (m *Memory) registers(n int) []lanes {
	if last := len(m.spare) - 1; last >= 0 {
		r := m.spare[last]
		m.spare = m.spare[:last]
		if cap(r) >= n {
			return r[:n]
		}
	}
	return make([]lanes, n)
}

func (g *grid) start(id int) *block {
	k := g.kernel
	b := &block{grid: g, id: id, interval: 1}
	if k.shared > 0 {
		b.shared = newArray("shared memory", 0, k.shared)
	}
	registers := g.memory.registers(k.registers * ((g.Block + 31) / 32))
	b.registers = registers
	for first := 0; first < g.Block; first += 32 {
		w := &warp{block: b, first: first, r: registers[:k.registers:k.registers], set: make([]uint32, k.registers)}
		registers = registers[k.registers:]
		w.running = math.MaxUint32 >> max(0, first+32-g.Block)
		for name, o := range k.special {
			r := w.result(o, math.MaxUint32)
			for l := range r {
				switch name {
				case "%tid.x":
					r[l] = uint64(first + l)
				case "%ntid.x":
					r[l] = uint64(g.Block)
				case "%ctaid.x":
					r[l] = uint64(id)
				case "%nctaid.x":
					r[l] = uint64(g.Grid)
				case "%laneid":
					r[l] = uint64(l)
				}
			}
		}
		b.warps = append(b.warps, w)
	}
	return b
}

// fuel is how many instructions a warp runs before another's turn.
const fuel = 2000

// run lets every warp of the block run for a while, then opens a barrier that
// all threads have reached. It reports whether all have ended.
func (b *block) run() bool {
	running, atBarrier, ready := 0, 0, 0
	from := 0
	if b.Seed != 0 {
		from = b.rng.IntN(len(b.warps))
	}
	for i := range b.warps {
		w := b.warps[(from+i)%len(b.warps)]
		n := fuel
		if b.Seed != 0 {
			n = 1 + b.rng.IntN(fuel)
		}
		w.run(n)
		if b.err != nil {
			return true
		}
		running += bits.OnesCount32(w.running)
		atBarrier += bits.OnesCount32(w.atBarrier)
		ready += bits.OnesCount32(w.running &^ (w.atBarrier | w.waiting))
	}
	switch {
	case running == 0:
		return true
	case ready > 0:
	case atBarrier == b.Block:
		b.open()
	default:
		b.stuck(running, atBarrier)
	}
	return false
}

// open lets all threads of the block pass the barrier at which they wait.
func (b *block) open() {
	at := b.warps[0].pc[0]
	in := &b.kernel.code[at]
	any := uint64(0)
	for _, w := range b.warps {
		for m := w.running; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m)
			if w.pc[l] != at {
				w.fault(&b.kernel.code[w.pc[l]], l, "waits at another barrier than thread 0, at line %d", in.line)
				return
			}
			if len(in.dst) > 0 {
				any |= w.argument(in.src[1])[l]
			}
		}
	}
	for _, w := range b.warps {
		if len(in.dst) > 0 {
			r := w.result(in.dst[0], w.running)
			for l := range r {
				r[l] = any
			}
		}
		w.place(w.running, at+1)
		w.atBarrier = 0
	}
	b.interval++
}

// stuck reports threads that wait for others that will not come.
func (b *block) stuck(running, atBarrier int) {
	for _, w := range b.warps {
		if m := w.atBarrier | w.waiting; m != 0 {
			l := bits.TrailingZeros32(m)
			w.fault(&b.kernel.code[w.pc[l]], l, "waits for ever: of %d threads %d have ended and %d are at a barrier",
				b.Block, b.Block-running, atBarrier)
			return
		}
	}
}

// fault ends the launch with an error about a lane.
func (w *warp) fault(in *instruction, lane int, format string, args ...any) bool {
	if w.err == nil {
		w.err = fmt.Errorf("%s: block %d, thread %d, line %d (%s): %s",
			w.kernel.name, w.id, w.first+lane, in.line, in.text, fmt.Sprintf(format, args...))
	}
	return false
}

func (w *warp) argument(o operand) *lanes {
	if o < 0 {
		return &w.kernel.constants[^o]
	}
	return &w.r[o]
}

func (w *warp) result(o operand, mask uint32) *lanes {
	w.set[o] |= mask
	return &w.r[o]
}

func (w *warp) place(mask uint32, pc int) {
	for m := mask; m != 0; m &= m - 1 {
		w.pc[bits.TrailingZeros32(m)&31] = pc
	}
}

// run runs up to n instructions. Of lanes that have parted, those furthest behind
// go first, so that they meet again where the compiler meant them to.
func (w *warp) run(n int) {
	code := w.kernel.code
	for n > 0 {
		ready := w.running &^ (w.atBarrier | w.waiting)
		if ready == 0 {
			return
		}
		pc, next, mask := math.MaxInt, math.MaxInt, uint32(0)
		for m := ready; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			switch at := w.pc[l]; {
			case at < pc:
				pc, next, mask = at, pc, 1<<l
			case at == pc:
				mask |= 1 << l
			case at < next:
				next = at
			}
		}
		for {
			if pc >= len(code) {
				w.fault(&code[len(code)-1], bits.TrailingZeros32(mask), "runs beyond the end")
				return
			}
			in := &code[pc]
			n--
			if w.left--; w.left < 0 {
				w.fault(in, bits.TrailingZeros32(mask), "the launch has run %d instructions and goes on", w.Limit)
				return
			}
			part := mask
			if in.guards != always {
				if !w.defined(in, in.guard, mask) {
					return
				}
				guard := w.argument(in.guard)
				for m := mask; m != 0; m &= m - 1 {
					if l := bits.TrailingZeros32(m) & 31; (guard[l] != 0) != (in.guards == ifTrue) {
						part &^= 1 << l
					}
				}
			}
			for _, o := range in.src {
				if !w.defined(in, o, part) {
					return
				}
			}
			if in.control {
				w.place(mask, pc+1)
				if part != 0 {
					w.place(part, pc)
					in.run(w, in, part)
				}
				break
			}
			if part != 0 && !in.run(w, in, part) {
				return
			}
			if pc++; pc >= next || n <= 0 {
				w.place(mask, pc)
				break
			}
		}
		if w.err != nil {
			return
		}
	}
}

// defined reports whether the lanes of mask have written a register, and a fault
// where not.
func (w *warp) defined(in *instruction, o operand, mask uint32) bool {
	if o < 0 {
		return true
	}
	if missing := mask &^ w.set[o]; missing != 0 {
		return w.fault(in, bits.TrailingZeros32(missing), "a register is read that was never written")
	}
	return true
}

func (w *warp) jump(in *instruction, mask uint32) { w.place(mask, in.target) }

// gather waits until all lanes that members names are at the instruction, and
// then returns them, past it; else 0.
func (w *warp) gather(members operand, mask uint32) uint32 {
	first := bits.TrailingZeros32(mask)
	at := w.pc[first&31]
	in := &w.kernel.code[at]
	named := w.argument(members)
	want := uint32(named[first&31])
	arrived := mask
	for m := w.waiting; m != 0; m &= m - 1 {
		if l := bits.TrailingZeros32(m) & 31; w.pc[l] == at {
			arrived |= 1 << l
		}
	}
	for m := arrived; m != 0; m &= m - 1 {
		l := bits.TrailingZeros32(m) & 31
		if uint32(named[l]) != want {
			w.fault(in, l, "names lanes %#x, and lane %d names %#x", uint32(named[l]), first, want)
			return 0
		}
		if want>>l&1 == 0 {
			w.fault(in, l, "is not among the lanes that it names, %#x", want)
			return 0
		}
	}
	if ended := want &^ w.running; ended != 0 {
		w.fault(in, first, "names lane %d, which has ended", bits.TrailingZeros32(ended))
		return 0
	}
	if arrived != want {
		w.waiting |= mask
		return 0
	}
	w.waiting &^= want
	w.place(want, at+1)
	return want
}

func (w *warp) meet(members operand, mask uint32) bool { return w.gather(members, mask) != 0 }

// shuffle carries out shfl.sync: each lane gets the value of another, or keeps
// its own where there is none, and learns which.
func (w *warp) shuffle(in *instruction, mask uint32, mode string) bool {
	all := w.gather(in.src[3], mask)
	if all == 0 {
		return false
	}
	values, b, c := *w.argument(in.src[0]), w.argument(in.src[1]), w.argument(in.src[2])
	var found [32]int
	for l := range 32 {
		if all>>l&1 == 0 {
			continue
		}
		by, segment, clamp := int(b[l])&31, int(c[l])>>8&31, int(c[l])&31
		limit := l&segment | clamp&^segment
		from, ok := l, false
		switch mode {
		case "bfly":
			from = l ^ by
			ok = from <= limit
		case "idx":
			from = l&segment | by&^segment
			ok = from <= limit
		case "up":
			from = l - by
			ok = from >= limit
		case "down":
			from = l + by
			ok = from <= limit
		}
		if !ok {
			from = l
		}
		if all>>from&1 == 0 {
			return w.fault(in, l, "takes the value of lane %d, which does not take part", from)
		}
		found[l] = from << 1
		if ok {
			found[l]++
		}
	}
	d := w.result(in.dst[0], all)
	for m := all; m != 0; m &= m - 1 {
		l := bits.TrailingZeros32(m) & 31
		d[l] = values[found[l]>>1] & math.MaxUint32
	}
	if len(in.dst) > 1 {
		p := w.result(in.dst[1], all)
		for m := all; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			p[l] = uint64(found[l] & 1)
		}
	}
	return true
}
