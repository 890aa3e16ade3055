package db

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"
)

// The file is checked by reading it, page by page and with every bound tested, before bbolt maps it. bbolt's own check
// cannot be used for that: it runs in a goroutine where a fault ends the process, follows a circle of pages until the
// stack is gone, and needs the file opened, which by itself trusts the free list. The form of a bbolt file has been
// frozen for ten years (version 2 in each meta page).
const (
	pageHeader  = 16
	elementSize = 16
	metaSize    = 64
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	maxKeySize  = 32768
	maxDepth    = 48 // of pages and buckets together; a real file stays below 8

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10
)

// found is what a check learns on its way.
type found struct {
	schema int
	tx     uint64
}

// checkFile reports what is wrong with a database file as ErrDamaged; another error is the system's, not the file's.
func checkFile(path string) (found, error) {
	f, err := os.Open(path)
	if err != nil {
		return found{}, fmt.Errorf("check the database: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return found{}, fmt.Errorf("check the database: %w", err)
	}
	return check(f, info.Size())
}

// check does what checkFile says for any source of bytes.
func check(r io.ReaderAt, size int64) (found, error) {
	c := &checker{r: r, size: size}
	m, err := c.readMeta()
	if err != nil {
		return found{}, err
	}
	c.high, c.state = m.high, make([]byte, m.high)
	c.found.tx = m.tx
	c.state[0], c.state[1] = pageUsed, pageUsed
	if err := c.freelist(m.freelist); err != nil {
		return found{}, err
	}
	if err := c.page(m.root, 0, 0, nil, nil, nil); err != nil {
		return found{}, err
	}
	for id, s := range c.state {
		if s == pageUnknown {
			return found{}, damaged("page %d is neither used nor free", id)
		}
	}
	return c.found, nil
}

const (
	pageUnknown = iota
	pageUsed
	pageFree
)

type checker struct {
	r        io.ReaderAt
	size     int64
	pageSize int64
	high     uint64   // pages from here on do not exist
	state    []byte   // of each page
	bufs     [][]byte // one per depth: the parents' keys are still needed while a child is read
	found    found
}

type meta struct {
	pageSize                 uint32
	root, freelist, high, tx uint64
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

var native = binary.NativeEndian

// readMeta picks the newer of the two meta pages that are whole, as bbolt does.
func (c *checker) readMeta() (meta, error) {
	best, ok, err := c.metaAt(0, 0)
	if err != nil {
		return meta{}, err
	}
	// Where the first is broken its page size is unknown: the second is at one of the sizes a system can have.
	low, top := int64(1024), int64(1024<<14)
	if ok {
		low, top = int64(best.pageSize), int64(best.pageSize)
	}
	for at := low; at <= top && at < c.size; at *= 2 {
		m, okSecond, err := c.metaAt(at, 1)
		if err != nil {
			return meta{}, err
		}
		if okSecond && int64(m.pageSize) == at && (!ok || m.tx > best.tx) {
			best, ok = m, true
			break
		}
	}
	if !ok {
		return meta{}, damaged("neither meta page can be read")
	}
	c.pageSize = int64(best.pageSize)
	if best.high < 4 || best.high > uint64(c.size/c.pageSize) {
		return meta{}, damaged("the file is shorter than its pages")
	}
	return best, nil
}

func (c *checker) metaAt(at int64, id uint64) (m meta, ok bool, err error) {
	var b [pageHeader + metaSize]byte
	if n, err := c.r.ReadAt(b[:], at); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			return m, false, nil
		}
		return m, false, fmt.Errorf("check the database: %w", err)
	}
	p := b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(p[:56])
	if native.Uint64(b[:]) != id || native.Uint16(b[8:]) != flagMeta || native.Uint32(p) != metaMagic ||
		native.Uint32(p[4:]) != metaVersion || native.Uint64(p[56:]) != sum.Sum64() {
		return m, false, nil
	}
	m = meta{pageSize: native.Uint32(p[8:]), root: native.Uint64(p[16:]), freelist: native.Uint64(p[32:]),
		high: native.Uint64(p[40:]), tx: native.Uint64(p[48:])}
	size := m.pageSize
	return m, size >= 1024 && size <= 1024<<14 && size&(size-1) == 0, nil
}

// load reads a page with its overflow into the buffer of that depth, and marks it as used.
func (c *checker) load(id uint64, depth int, kinds uint16) (page []byte, err error) {
	if depth >= maxDepth {
		return nil, damaged("page %d lies too deep", id)
	}
	if id < 2 || id >= c.high {
		return nil, damaged("page %d does not exist", id)
	}
	var head [pageHeader]byte
	if err := c.read(head[:], int64(id)*c.pageSize); err != nil {
		return nil, err
	}
	flags, more := native.Uint16(head[8:]), uint64(native.Uint32(head[12:]))
	if native.Uint64(head[:]) != id || flags&kinds == 0 || flags&(flags-1) != 0 {
		return nil, damaged("page %d is not what it should be", id)
	}
	if more >= c.high-id {
		return nil, damaged("page %d reaches past the end", id)
	}
	for i := id; i <= id+more; i++ {
		if c.state[i] != pageUnknown {
			return nil, damaged("page %d is used twice", i)
		}
		c.state[i] = pageUsed
	}
	for len(c.bufs) <= depth {
		c.bufs = append(c.bufs, nil)
	}
	n := int(c.pageSize * int64(more+1))
	if cap(c.bufs[depth]) < n {
		c.bufs[depth] = make([]byte, n)
	}
	page = c.bufs[depth][:n]
	return page, c.read(page, int64(id)*c.pageSize)
}

func (c *checker) read(b []byte, at int64) error {
	n, err := c.r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return damaged("the file ends early")
	}
	return fmt.Errorf("check the database: %w", err)
}

// freelist runs before the tree is walked: a page that is on it and in the tree is then found as used twice.
func (c *checker) freelist(id uint64) error {
	page, err := c.load(id, 0, flagFreelist)
	if err != nil {
		return err
	}
	count, body := uint64(native.Uint16(page[10:])), page[pageHeader:]
	if count == 0xFFFF {
		count, body = native.Uint64(body), body[8:]
	}
	if count > uint64(len(body)/8) {
		return damaged("the free list is longer than its page")
	}
	for i := range count {
		free := native.Uint64(body[i*8:])
		if free < 2 || free >= c.high || c.state[free] != pageUnknown {
			return damaged("the free list names page %d, which is not free", free)
		}
		c.state[free] = pageFree
	}
	return nil
}

// page walks the tree below one page. All its keys must lie in [low, high); nil means no bound. level counts buckets:
// 0 is the list of buckets itself, bucket the name of the top one we are in.
func (c *checker) page(id uint64, depth, level int, bucket, low, high []byte) error {
	page, err := c.load(id, depth, flagBranch|flagLeaf)
	if err != nil {
		return err
	}
	if native.Uint16(page[8:]) == flagLeaf {
		return c.leaf(page, fmt.Sprint("page ", id), depth, level, bucket, low, high)
	}
	count := int(native.Uint16(page[10:]))
	if count == 0 || pageHeader+count*elementSize > len(page) {
		return damaged("page %d has %d branches", id, count)
	}
	for i := range count {
		key, err := elementKey(page, i, count, 0, 4)
		if err != nil {
			return err
		}
		if bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
			return damaged("page %d: a branch is out of order", id)
		}
		next := high
		if i+1 < count {
			if next, err = elementKey(page, i+1, count, 0, 4); err != nil {
				return err
			}
			if bytes.Compare(key, next) >= 0 {
				return damaged("page %d: a branch is out of order", id)
			}
		}
		child := native.Uint64(page[pageHeader+i*elementSize+8:])
		if err := c.page(child, depth+1, level, bucket, key, next); err != nil {
			return err
		}
	}
	return nil
}

// elementKey returns the key of element i, whose position and size stand at these offsets in the element.
func elementKey(page []byte, i, count, posAt, sizeAt int) ([]byte, error) {
	at := pageHeader + i*elementSize
	start := uint64(at) + uint64(native.Uint32(page[at+posAt:]))
	size := uint64(native.Uint32(page[at+sizeAt:]))
	if size == 0 || size > maxKeySize || start < uint64(pageHeader+count*elementSize) || start+size > uint64(len(page)) {
		return nil, damaged("key %d reaches out of its page", i)
	}
	return page[start : start+size : start+size], nil
}

func (c *checker) leaf(page []byte, name string, depth, level int, bucket, low, high []byte) error {
	count := int(native.Uint16(page[10:]))
	if pageHeader+count*elementSize > len(page) {
		return damaged("%s has %d leaves", name, count)
	}
	for i := range count {
		key, err := elementKey(page, i, count, 4, 8)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// low is the parent's bound for the first key, then the key before.
		order := bytes.Compare(key, low)
		if low != nil && (order < 0 || order == 0 && i > 0) || high != nil && bytes.Compare(key, high) >= 0 {
			return damaged("%s: key %d is out of order", name, i)
		}
		low = key
		at := pageHeader + i*elementSize
		start := at + int(native.Uint32(page[at+4:])) + len(key)
		size := uint64(native.Uint32(page[at+12:]))
		if uint64(start)+size > uint64(len(page)) {
			return damaged("%s: value %d reaches out of its page", name, i)
		}
		value := page[start : start+int(size)]
		switch flags := native.Uint32(page[at:]); flags {
		case 0:
			err = c.pair(level, bucket, key, value)
		case 1:
			err = c.bucket(key, value, depth, level, bucket)
		default:
			err = damaged("%s: leaf %d is of no known kind", name, i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket walks a bucket: its header names the root page, or 0 where its one page stands inside the value.
func (c *checker) bucket(key, value []byte, depth, level int, top []byte) error {
	if len(value) < pageHeader {
		return damaged("bucket %q is cut", key)
	}
	if level == 0 {
		top = key
	}
	root := native.Uint64(value)
	if root != 0 {
		return c.page(root, depth+1, level+1, top, nil, nil)
	}
	inline := value[pageHeader:]
	if len(inline) < pageHeader || native.Uint16(inline[8:]) != flagLeaf || depth >= maxDepth {
		return damaged("bucket %q is broken", key)
	}
	return c.leaf(inline, fmt.Sprintf("bucket %q", key), depth+1, level+1, top, nil, nil)
}

// pair looks at what is ours: the checksums, and the schema.
func (c *checker) pair(level int, bucket, key, value []byte) error {
	if level == 0 {
		return damaged("a value stands where only buckets may")
	}
	if level != 1 || !framed[string(bucket)] {
		return nil
	}
	plain, err := unframe(bucket, string(key), value)
	if err != nil {
		return err
	}
	if bytes.Equal(bucket, bucketMeta) && string(key) == "schema" {
		n, err := strconv.Atoi(string(plain))
		if err != nil || n < 1 {
			return damaged("the schema number is %q", plain)
		}
		c.found.schema = n
	}
	return nil
}
