// Package ptxsim runs PTX, the assembly language of CUDA, without a device: exact
// arithmetic, warps that diverge and meet again, barriers, shuffles and atomics
// on integers. It reports what a device would do in silence: an access out of
// bounds, misaligned or to memory never written, a barrier that not all threads
// reach, two threads that write one word, a read of what another block wrote
// through a cache that does not know.
//
// It knows the opcodes in ops.go and no other: one that it does not know is an
// error, by name. It does not model time, nor the reordering of memory accesses.
package ptxsim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Module is the PTX of one file.
type Module struct {
	kernels map[string]*Kernel
}

// Kernel returns the entry of that name, or an error that lists those there are.
func (m *Module) Kernel(name string) (*Kernel, error) {
	if k := m.kernels[name]; k != nil {
		return k, nil
	}
	var names []string
	for n := range m.kernels {
		names = append(names, n)
	}
	return nil, fmt.Errorf("no kernel %s, want one of %s", name, strings.Join(names, ", "))
}

// A Kernel is an entry that can be launched.
type Kernel struct {
	name       string
	params     []int // sizes, in bytes
	maxThreads int   // 0 for no limit
	shared     int   // bytes
	code       []instruction
	registers  int
	constants  []lanes
	special    map[string]operand // %tid.x and so on, as registers
}

// An operand is the index of a register, or of a constant in complement.
type operand int

type instruction struct {
	line    int
	text    string
	name    []string // "ld", "global", "f32"
	run     semantics
	control bool // lanes may part here, or wait
	guard   operand
	guards  guarding
	dst     []operand // results
	src     []operand // arguments; of an access, the address first
	offset  int64     // of an address
	target  int       // of a branch
	width   int       // bytes of an element
	count   int       // elements
}

type guarding uint8

const (
	always guarding = iota
	ifTrue
	ifFalse
)

// scope maps the names of registers, innermost last: braces may repeat names.
type scope map[string]operand

type parser struct {
	module *Module
	kernel *Kernel
	line   int
	scopes []scope
	labels map[string]int
	jumps  map[int]string // instruction to label
	shared map[string]int // offsets
	params map[string]int // offsets
	end    int            // of the parameters
	consts map[uint64]operand
}

// Parse reads PTX. What it does not understand is an error with its line.
func Parse(text string) (*Module, error) {
	p := &parser{module: &Module{kernels: map[string]*Kernel{}}}
	statement, start := "", 0
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "//")
		for _, part := range split(line) {
			if statement == "" {
				start = i + 1
			}
			statement = strings.TrimSpace(statement + " " + part)
			if !complete(statement) {
				continue
			}
			p.line = start
			if err := p.statement(strings.TrimSpace(strings.TrimSuffix(statement, ";"))); err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", start, statement, err)
			}
			statement = ""
		}
	}
	if statement != "" || p.kernel != nil {
		return nil, fmt.Errorf("line %d: the text ends within %q", start, statement)
	}
	return p.module, nil
}

var (
	label   = regexp.MustCompile(`^[$\w]+:$`)
	wholly  = regexp.MustCompile(`^\.(version|target|address_size|maxntid|minnctapersm)\b.*`)
	breaks  = regexp.MustCompile(`;|[$\w]+:(\s|$)`)
	entryRE = regexp.MustCompile(`^\.visible \.entry (\w+)\s*\((.*)\)$`)
)

// split cuts a line behind semicolons and labels, and round braces that stand
// alone: those of a vector are within a statement.
func split(line string) []string {
	var out []string
	line = strings.TrimSpace(line)
	for line != "" {
		if line[0] == '{' || line[0] == '}' {
			out, line = append(out, line[:1]), strings.TrimSpace(line[1:])
			continue
		}
		at := breaks.FindStringIndex(line)
		if at == nil {
			return append(out, line)
		}
		out, line = append(out, strings.TrimSpace(line[:at[1]])), strings.TrimSpace(line[at[1]:])
	}
	return out
}

func complete(s string) bool {
	return s == "" || s == "{" || s == "}" || strings.HasSuffix(s, ";") || label.MatchString(s) ||
		wholly.MatchString(s) || entryRE.MatchString(s)
}

func (p *parser) statement(s string) error {
	word, rest, _ := strings.Cut(s, " ")
	word, rest = strings.TrimSpace(word), strings.TrimSpace(rest)
	switch {
	case s == "", word == ".version", word == ".target", word == ".pragma", word == ".minnctapersm":
		return nil
	case word == ".address_size":
		if rest != "64" {
			return fmt.Errorf("addresses have 64 bits here")
		}
		return nil
	case word == ".visible":
		return p.entry(s)
	case word == ".maxntid":
		first, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(strings.TrimSpace(first))
		p.kernel.maxThreads = n
		return err
	case p.kernel == nil:
		return fmt.Errorf("not understood outside a kernel")
	case s == "{":
		p.scopes = append(p.scopes, scope{})
		return nil
	case s == "}":
		p.scopes = p.scopes[:len(p.scopes)-1]
		if len(p.scopes) == 0 {
			return p.finish()
		}
		return nil
	case word == ".reg":
		return p.declare(rest)
	case word == ".shared":
		return p.declareShared(rest)
	case word[0] == '.':
		return fmt.Errorf("directive %s is not known", word)
	case label.MatchString(s):
		p.labels[strings.TrimSuffix(s, ":")] = len(p.kernel.code)
		return nil
	}
	return p.instruction(s)
}

func (p *parser) entry(s string) error {
	m := entryRE.FindStringSubmatch(s)
	if m == nil || p.kernel != nil {
		return fmt.Errorf("want .visible .entry name(parameters)")
	}
	p.kernel = &Kernel{name: m[1], special: map[string]operand{}}
	p.labels, p.jumps, p.shared = map[string]int{}, map[int]string{}, map[string]int{}
	p.params, p.end, p.consts = map[string]int{}, 0, map[uint64]operand{}
	for _, param := range strings.Split(m[2], ",") {
		f := strings.Fields(param)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 || f[0] != ".param" || sizes[strings.TrimPrefix(f[1], ".")] == 0 {
			return fmt.Errorf("parameter %q, want .param .type name", param)
		}
		size := sizes[strings.TrimPrefix(f[1], ".")]
		p.end = (p.end + size - 1) / size * size
		p.params[f[2]] = p.end
		p.end += size
		p.kernel.params = append(p.kernel.params, size)
	}
	return nil
}

// declare reads ".f32 %f<12>" or ".pred %p1, %p2".
func (p *parser) declare(s string) error {
	_, names, _ := strings.Cut(s, " ")
	inner := p.scopes[len(p.scopes)-1]
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		base, count, many := strings.Cut(strings.TrimSuffix(name, ">"), "<")
		if !many {
			inner[name] = p.register()
			continue
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		for i := range n {
			inner[base+strconv.Itoa(i)] = p.register()
		}
	}
	return nil
}

func (p *parser) register() operand {
	p.kernel.registers++
	return operand(p.kernel.registers - 1)
}

var sharedRE = regexp.MustCompile(`^\.align (\d+) \.b8 (\w+)\[(\d+)\]$`)

// declareShared reads ".align 4 .b8 name[32]".
func (p *parser) declareShared(s string) error {
	m := sharedRE.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("want .shared .align n .b8 name[n]")
	}
	align, _ := strconv.Atoi(m[1])
	size, err := strconv.Atoi(m[3])
	if err != nil || align == 0 {
		return fmt.Errorf("size %s or alignment %s is no number", m[3], m[1])
	}
	at := (p.kernel.shared + align - 1) / align * align
	p.shared[m[2]], p.kernel.shared = at, at+size
	return nil
}

// finish ends the kernel at hand.
func (p *parser) finish() error {
	for i, name := range p.jumps {
		at, ok := p.labels[name]
		if !ok {
			return fmt.Errorf("no label %s", name)
		}
		p.kernel.code[i].target = at
	}
	p.module.kernels[p.kernel.name], p.kernel = p.kernel, nil
	return nil
}

func (p *parser) instruction(s string) error {
	in := instruction{line: p.line, text: s, count: 1}
	if strings.HasPrefix(s, "@") {
		guard, rest, _ := strings.Cut(s[1:], " ")
		in.guards = ifTrue
		if strings.HasPrefix(guard, "!") {
			guard, in.guards = guard[1:], ifFalse
		}
		var err error
		if in.guard, err = p.operand(guard); err != nil {
			return err
		}
		s = strings.TrimSpace(rest)
	}
	opcode, args, _ := strings.Cut(s, " ")
	in.name = strings.Split(opcode, ".")
	in.width = sizes[in.name[len(in.name)-1]]
	fields := arguments(args)
	if in.name[0] == "bra" {
		p.jumps[len(p.kernel.code)], fields = strings.TrimSpace(args), nil
	}
	if in.run = meaning(in.name); in.run == nil {
		return fmt.Errorf("opcode %s is not known", opcode)
	}
	switch in.name[0] {
	case "bra", "ret", "exit", "bar", "shfl":
		in.control = true
	}
	results := 1
	switch in.name[0] {
	case "st", "bar", "bra", "ret", "exit", "membar", "fence":
		results = 0
	}
	if strings.HasPrefix(opcode, "bar.red") {
		results = 1
	}
	for i, field := range fields {
		var ops []operand
		for _, name := range strings.FieldsFunc(strings.Trim(field, "{}"), func(r rune) bool { return r == ',' || r == '|' }) {
			name = strings.TrimSpace(name)
			if strings.HasPrefix(name, "[") {
				if err := p.address(&in, strings.Trim(name, "[]")); err != nil {
					return err
				}
				continue
			}
			o, err := p.operand(name)
			if err != nil {
				return err
			}
			ops = append(ops, o)
		}
		if i < results {
			in.dst = append(in.dst, ops...)
		} else {
			in.src = append(in.src, ops...)
		}
	}
	switch in.name[0] {
	case "ld":
		in.count = len(in.dst)
	case "st":
		in.count = len(in.src) - 1
	}
	if want, ok := arity[in.name[0]]; ok && len(in.src) != want {
		return fmt.Errorf("%d arguments, want %d", len(in.src), want)
	}
	p.kernel.code = append(p.kernel.code, in)
	return nil
}

// arguments cuts at commas outside braces.
func arguments(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				out, from = append(out, strings.TrimSpace(s[from:i])), i+1
			}
		}
	}
	if rest := strings.TrimSpace(s[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// address reads "%rd1+8" or the name of a parameter or of shared memory.
func (p *parser) address(in *instruction, s string) error {
	base, offset, _ := strings.Cut(s, "+")
	if offset != "" {
		n, err := strconv.ParseInt(offset, 0, 64)
		if err != nil {
			return err
		}
		in.offset = n
	}
	if at, ok := p.params[base]; ok {
		in.src = append(in.src, p.constant(uint64(at)))
		return nil
	}
	o, err := p.operand(base)
	in.src = append(in.src, o)
	return err
}

func (p *parser) operand(s string) (operand, error) {
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if o, ok := p.scopes[i][s]; ok {
			return o, nil
		}
	}
	if at, ok := p.shared[s]; ok {
		return p.constant(uint64(at)), nil
	}
	switch s {
	case "%tid.x", "%ntid.x", "%ctaid.x", "%nctaid.x", "%laneid":
		if _, ok := p.kernel.special[s]; !ok {
			p.kernel.special[s] = p.register()
		}
		return p.kernel.special[s], nil
	case "_":
		return p.register(), nil
	}
	if len(s) > 2 && (s[:2] == "0f" || s[:2] == "0d") {
		bits, err := strconv.ParseUint(s[2:], 16, 64)
		return p.constant(bits), err
	}
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		return p.constant(uint64(n)), nil
	}
	if n, err := strconv.ParseUint(strings.TrimSuffix(s, "U"), 0, 64); err == nil {
		return p.constant(n), nil
	}
	return 0, fmt.Errorf("operand %s is not known", s)
}

func (p *parser) constant(bits uint64) operand {
	o, ok := p.consts[bits]
	if !ok {
		var all lanes
		for i := range all {
			all[i] = bits
		}
		o = ^operand(len(p.kernel.constants))
		p.kernel.constants = append(p.kernel.constants, all)
		p.consts[bits] = o
	}
	return o
}
