package ptxsim

import "container/list"

// A Cache models the last cache of a device: which bytes of memory are read and
// written behind it. It is fully associative and drops what was used longest ago,
// first of all what was marked as a stream. A line is a sector, of 32 bytes:
// stores do not fetch it.
type Cache struct {
	bytes   map[*Array]int64 // read from memory and written to it
	sectors int              // that it holds
	held    map[uint64]*list.Element
	streams *list.List // last used first
	others  *list.List
}

const sectorSize = 32

type sector struct {
	of           *Array
	at           uint64
	valid, dirty uint32 // bytes
	stream       bool
}

// NewCache returns an empty cache of so many bytes.
func NewCache(size int) *Cache {
	return &Cache{bytes: map[*Array]int64{}, sectors: size / sectorSize, held: map[uint64]*list.Element{}, streams: list.New(), others: list.New()}
}

func (c *Cache) list(stream bool) *list.List {
	if stream {
		return c.streams
	}
	return c.others
}

func (c *Cache) access(a *Array, address uint64, n int, how manner) {
	at := address / sectorSize
	touched := uint32(1<<n-1) << (address % sectorSize)
	e := c.held[at]
	if e == nil {
		e = c.list(how.stream).PushFront(&sector{of: a, at: at, stream: how.stream})
		c.held[at] = e
	}
	s := e.Value.(*sector)
	if s.stream != how.stream {
		c.list(s.stream).Remove(e)
		s.stream = how.stream
		e = c.list(s.stream).PushFront(s)
		c.held[at] = e
	}
	c.list(s.stream).MoveToFront(e)
	if how.kind != store && touched&^s.valid != 0 {
		c.bytes[a] += sectorSize
		s.valid = 1<<sectorSize - 1
	}
	if how.kind != load {
		s.valid |= touched
		s.dirty |= touched
	}
	if len(c.held) > c.sectors {
		drop := c.streams
		if drop.Len() == 0 {
			drop = c.others
		}
		c.drop(drop.Back())
	}
}

func (c *Cache) drop(e *list.Element) {
	s := e.Value.(*sector)
	if s.dirty != 0 {
		c.bytes[s.of] += sectorSize
	}
	c.list(s.stream).Remove(e)
	delete(c.held, s.at)
}

// Of returns how many bytes of an array memory has read and written.
func (c *Cache) Of(a *Array) int64 { return c.bytes[a] }

// Flush writes back all that the cache holds.
func (c *Cache) Flush() {
	for _, l := range []*list.List{c.streams, c.others} {
		for l.Len() > 0 {
			c.drop(l.Back())
		}
	}
}
