package ptxsim

import (
	"fmt"
	"strings"
	"testing"
)

// entry wraps code in a kernel with three parameters and a choice of registers.
func entry(code string) string {
	return `.version 6.3
.target sm_70
.address_size 64
.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c)
.maxntid 1024, 1, 1
{
	.reg .pred %p<9>;
	.reg .b32 %r<19>;
	.reg .f32 %f<9>;
	.reg .b64 %rd<19>;
	.shared .align 16 .b8 s[256];
	ld.param.u64 %rd0, [a];
	ld.param.u64 %rd10, [b];
	ld.param.u64 %rd11, [c];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mul.wide.u32 %rd1, %r0, 4;
	add.s64 %rd2, %rd0, %rd1; // this thread's word of a
	add.s64 %rd12, %rd10, %rd1;
	shl.b32 %r2, %r0, 2;
` + code + "\n}\n"
}

// try runs code over arrays a, of one word per thread from 0 on, and b, of as many
// words of zero; c is memory of as many words that nobody has written.
func try(code string, l Launch) (a, b *Array, err error) {
	module, err := Parse(entry(code))
	if err != nil {
		return nil, nil, err
	}
	k, err := module.Kernel("k")
	if err != nil {
		return nil, nil, err
	}
	var m Memory
	a, b = m.Alloc("a", 4*l.Block), m.Alloc("b", 4*l.Block)
	for i := range l.Block {
		a.Write(4*i, []byte{byte(i), byte(i >> 8), 0, 0})
		b.Write(4*i, make([]byte, 4))
	}
	if l.Args == nil {
		l.Args = []uint64{a.Addr(), b.Addr(), m.Alloc("c", 4*l.Block).Addr()}
	}
	return a, b, m.Launch(k, l)
}

// TestRun runs small programs, in several orders, whose result is known.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       func(i int) int // word i of b
	}{
		{"two paths that meet", `
			ld.global.u32 %r3, [%rd2];
			setp.lt.u32 %p1, %r0, 7;
			@%p1 bra SMALL;
			add.s32 %r3, %r3, 100;
			bra.uni MEET;
		SMALL:
			add.s32 %r3, %r3, 1000;
		MEET:
			shfl.sync.bfly.b32 %r4|%p2, %r3, 1, 31, -1;
			st.global.u32 [%rd12], %r4;
			ret;`,
			func(i int) int {
				if i ^= 1; i < 7 {
					return i + 1000
				}
				return i + 100
			}},
		{"a loop of another length in each thread", `
			mov.u32 %r3, 0;
			mov.u32 %r4, 0;
		AGAIN:
			add.s32 %r3, %r3, %r4;
			add.s32 %r4, %r4, 1;
			setp.le.u32 %p1, %r4, %r0;
			@%p1 bra AGAIN;
			st.global.u32 [%rd12], %r3;
			ret;`,
			func(i int) int { return i * (i + 1) / 2 }},
		{"shared memory behind a barrier", `
			mov.u32 %r3, s;
			add.s32 %r4, %r3, %r2;
			cvt.u64.u32 %rd3, %r4;
			st.shared.u32 [%rd3], %r0;
			bar.sync 0;
			sub.s32 %r5, 252, %r2;
			cvt.u64.u32 %rd4, %r5;
			ld.shared.u32 %r6, [%rd4];
			st.global.u32 [%rd12], %r6;
			ret;`,
			func(i int) int { return 63 - i }},
		{"whether any thread says so", `
			setp.eq.s32 %p1, %r0, 50;
			bar.red.or.pred %p2, 0, %p1;
			setp.eq.s32 %p1, %r0, 99;
			bar.red.or.pred %p3, 0, %p1;
			selp.u32 %r3, 1, 0, %p2;
			selp.u32 %r4, 2, 0, %p3;
			add.s32 %r3, %r3, %r4;
			st.global.u32 [%rd12], %r3;
			ret;`,
			func(i int) int { return 1 }},
		{"shuffles of four kinds", `
			shfl.sync.up.b32 %r3|%p1, %r0, 3, 0, -1;
			shfl.sync.down.b32 %r4|%p2, %r0, 3, 31, -1;
			shfl.sync.idx.b32 %r5, %r0, 5, 0x181f, -1;
			selp.b32 %r6, 1000, 0, %p1;
			selp.b32 %r7, 2000, 0, %p2;
			and.b32 %r3, %r3, 31;
			and.b32 %r4, %r4, 31;
			and.b32 %r5, %r5, 31;
			add.s32 %r3, %r3, %r4;
			add.s32 %r3, %r3, %r5;
			add.s32 %r3, %r3, %r6;
			add.s32 %r3, %r3, %r7;
			st.global.u32 [%rd12], %r3;
			ret;`,
			func(i int) int {
				lane, sum := i%32, 0
				if lane >= 3 {
					sum += lane - 3 + 1000
				} else {
					sum += lane
				}
				if lane < 29 {
					sum += lane + 3 + 2000
				} else {
					sum += lane
				}
				return sum + lane&24 + 5
			}},
		{"atomics", `
			atom.global.add.u32 %r3, [%rd10], 1;
			atom.inc.u32 %r4, [%rd10+4], 6;
			bar.sync 0;
			setp.eq.s32 %p1, %r0, 2;
			@%p1 atom.exch.b32 %r5, [%rd10+8], 9;
			@!%p1 bra END;
			atom.add.u64 %rd5, [%rd10+16], 4294967297;
		END:
			ret;`,
			func(i int) int { return append([]int{64, 64 % 7, 9, 0, 1, 1}, make([]int, 64)...)[i] }},
		{"eight bytes apart and together, vectors, negative offsets", `
			setp.ge.u32 %p1, %r0, 16;
			@%p1 ret;
			shl.b64 %rd3, %rd1, 2;
			add.s64 %rd4, %rd0, %rd3;
			add.s64 %rd5, %rd10, %rd3;
			ld.global.cs.v4.f32 {%f0, %f1, %f2, %f3}, [%rd4];
			mov.b64 %rd6, {%r0, %r1};
			mov.b64 {%r5, %r6}, %rd6;
			setp.ne.s32 %p2, %r5, %r0;
			@%p2 bra END;
			st.global.wb.v4.f32 [%rd5], {%f3, %f2, %f1, %f0};
		END:
			ld.global.u32 %r7, [%rd5+-0];
			ret;`,
			func(i int) int { return i&^3 + 3 - i&3 }},
		{"braces that repeat a name", `
			mov.u32 %r3, 7;
			{ .reg .b32 %r3; mov.u32 %r3, 8; }
			st.global.u32 [%rd12], %r3;
			ret;`,
			func(int) int { return 7 }},
	} {
		for seed := range uint64(4) {
			_, b, err := try(c.code, Launch{Grid: 1, Block: 64, Seed: seed})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				break
			}
			for i := range 64 {
				if got, want := int(get(b.Bytes()[4*i:4*i+4])), c.want(i); got != want {
					t.Errorf("%s, seed %d: word %d is %d, want %d", c.name, seed, i, got, want)
					break
				}
			}
		}
	}
}

// TestBlocks lets blocks wait for one another.
func TestBlocks(t *testing.T) {
	const meet = `
		setp.ne.s32 %p1, %r0, 0;
		@%p1 bra LOOK;
		membar.gl;
		atom.global.add.u32 %r3, [%rd10], 1;
	LOOK:
		ld.acquire.gpu.global.u32 %r4, [%rd10];
		setp.lt.u32 %p2, %r4, 5;
		@%p2 bra LOOK;
		ret;`
	for seed := range uint64(4) {
		if _, _, err := try(meet, Launch{Grid: 5, Block: 64, Seed: seed, Limit: 1e6}); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := try(meet, Launch{Grid: 5, Block: 64, Resident: 4, Limit: 1e6}); err == nil {
		t.Error("blocks that are not resident were met")
	}
}

// TestFaults plants faults, and holds the simulator to a report of each.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, want, code string }{
		{"load beyond the end", "no array at address", "ld.global.u32 %r3, [%rd2+1000]; ret;"},
		{"store before the start", "no array at address", "st.global.u32 [%rd2+-300], %r0; ret;"},
		{"across the end", "a+272: 16 bytes reach beyond", "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0+272]; ret;"},
		{"misaligned", "is no multiple of 16", "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd2]; ret;"},
		{"memory never written", "c+0: read, and never written", "ld.global.u32 %r3, [%rd11]; ret;"},
		{"shared memory never written", "shared memory+0: read, and never written", "mov.u64 %rd3, s; ld.shared.u32 %r3, [%rd3]; ret;"},
		{"beyond shared memory", "of which there are 256 bytes", "st.shared.u32 [%rd1+256], %r0; ret;"},
		{"register never written", "a register is read that was never written", "add.s32 %r3, %r4, %r0; ret;"},
		{"register written in one path", "thread 3, line", "setp.ne.s32 %p1, %r0, 3; @%p1 mov.u32 %r3, 1; add.s32 %r3, %r3, 1; ret;"},
		{"two writers", "stored there too", "st.global.u32 [%rd10], %r0; ret;"},
		{"two blocks write", "of block 0 stored there too", "st.global.u32 [%rd12], %r0; ret;"},
		{"two writers of shared memory", "stored there too", "and.b32 %r3, %r2, 127; cvt.u64.u32 %rd3, %r3; st.shared.u32 [%rd3], %r0; ret;"},
		{"no barrier", "and this load may not see it", `xor.b32 %r3, %r2, 128; cvt.u64.u32 %rd3, %r3; st.shared.u32 [%rd1], %r0; setp.ge.u32 %p1, %r0, 32;
			@%p1 ld.shared.u32 %r4, [%rd3]; ret;`},
		{"another block's store, cached", "and this load may not see it", `setp.ne.s32 %p1, %r1, 0; @%p1 bra READ; st.global.u32 [%rd12], %r0; ret;
			READ: ld.global.u32 %r3, [%rd12]; ret;`},
		{"a barrier that some never reach", "waits for ever: of 70 threads 63 have ended", "setp.lt.u32 %p1, %r0, 63; @%p1 ret; bar.sync 0; ret;"},
		{"two barriers", "waits at another barrier than thread 0", "setp.lt.u32 %p1, %r0, 32; @%p1 bra A; bar.sync 0; ret; A: bar.sync 0; ret;"},
		{"a lane that ended", "names lane 0, which has ended", "setp.eq.s32 %p1, %r0, 0; @%p1 ret; shfl.sync.bfly.b32 %r3, %r0, 1, 31, -1; ret;"},
		{"a lane that waits elsewhere", "waits for ever", "setp.ge.u32 %p1, %r0, 64; @%p1 ret; setp.eq.s32 %p1, %r0, 0; @%p1 bra A; bar.warp.sync -1; ret; A: bar.sync 0; bar.warp.sync -1; ret;"},
		{"not among those named", "is not among the lanes that it names", "bar.warp.sync 15; ret;"},
		{"of two minds", "names lanes", "add.s32 %r3, %r0, 65535; bar.warp.sync %r3; ret;"},
		{"a value of no one", "which does not take part", "setp.gt.u32 %p1, %r0, 7; @%p1 ret; shfl.sync.idx.b32 %r3, %r0, 9, 31, 255; ret;"},
		{"no end", "goes on", "A: bra A;"},
		{"no return", "runs beyond the end", "mov.u32 %r3, 1;"},
		{"unknown opcode", "opcode ex2.approx.f32 is not known", "ex2.approx.f32 %f0, %f1; ret;"},
		{"not rounded", "opcode add.f32 is not known", "add.f32 %f0, %f1, %f2; ret;"},
		{"float atomics", "opcode atom.add.f32 is not known", "atom.add.f32 %f0, [%rd0], %f1; ret;"},
		{"unknown modifier", "opcode ld.const.f32 is not known", "ld.const.f32 %f0, [%rd0]; ret;"},
		{"unknown directive", "directive .local is not known", ".local .b8 x[4]; ret;"},
		{"unknown operand", "operand %q1 is not known", "mov.u32 %r3, %q1; ret;"},
		{"unknown label", "no label NOWHERE", "bra NOWHERE;"},
		{"too few arguments", "1 arguments, want 2", "add.s32 %r3, %r4; ret;"},
	} {
		_, _, err := try(c.code, Launch{Grid: 2, Block: 70, Limit: 1e5})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for want, l := range map[string]Launch{
		"grid 0 of blocks of 32 threads": {Block: 32},
		"blocks of 2000 threads":         {Grid: 1, Block: 2000},
		"1 arguments, want 3":            {Grid: 1, Block: 32, Args: []uint64{1}},
	} {
		if _, _, err := try("ret;", l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := Parse(strings.TrimSuffix(entry("ret;"), "}\n")); err == nil {
		t.Error("a text that ends within a kernel is not refused")
	}
}

// TestCounts holds the counts of bytes to the accesses that were made.
func TestCounts(t *testing.T) {
	a, b, err := try(`
		ld.global.u32 %r3, [%rd2];
		setp.ge.u32 %p1, %r0, 16;
		@%p1 ret;
		shl.b64 %rd3, %rd1, 2;
		add.s64 %rd4, %rd0, %rd3;
		add.s64 %rd5, %rd10, %rd3;
		ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd4];
		st.global.v4.f32 [%rd5], {%f0, %f1, %f2, %f3};
		ret;`, Launch{Grid: 1, Block: 64})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(a.Loaded(0), a.Loaded(4), a.Loaded(16), a.Stored(0), b.Loaded(0), b.Stored(16))
	if want := fmt.Sprint(512, 256, 256, 0, 0, 256); got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
}

// TestCache holds the cache to what it keeps, what it drops first, and what then
// passes to memory.
func TestCache(t *testing.T) {
	a := newArray("a", 0, 1<<10)
	for _, c := range []struct {
		name string
		run  func(c *Cache, access func(sector, bytes int, how manner))
		want int64
	}{
		{"what is held is read once", func(c *Cache, access func(int, int, manner)) {
			access(0, 16, manner{kind: load})
			access(0, 16, manner{kind: load})
		}, 32},
		{"a whole sector stored is not read", func(c *Cache, access func(int, int, manner)) {
			access(0, 16, manner{kind: store})
			c.access(a, 16, 16, manner{kind: store})
			access(0, 16, manner{kind: load})
		}, 32},
		{"a part stored and all read", func(c *Cache, access func(int, int, manner)) {
			access(0, 16, manner{kind: store})
			c.access(a, 16, 16, manner{kind: load})
		}, 64},
		{"the oldest goes first", func(c *Cache, access func(int, int, manner)) {
			for _, i := range []int{0, 1, 2, 3, 0, 4, 0, 1} { // holds 4
				access(i, 16, manner{kind: load})
			}
		}, 6 * 32},
		{"streams go before what is older", func(c *Cache, access func(int, int, manner)) {
			access(0, 16, manner{kind: load})
			for i := 1; i < 9; i++ {
				access(i, 16, manner{kind: load, stream: true})
			}
			access(0, 16, manner{kind: load})
		}, 9 * 32},
	} {
		cache := NewCache(4 * sectorSize)
		c.run(cache, func(sector, n int, how manner) { cache.access(a, uint64(sector*sectorSize), n, how) })
		cache.Flush()
		if got := cache.Of(a); got != c.want {
			t.Errorf("%s: memory moves %d bytes, want %d", c.name, got, c.want)
		}
	}
}
