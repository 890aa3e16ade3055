package tokens

import (
	_ "embed"
	"encoding/binary"
)

// o200k is the vocabulary, made by gen: the ids of the 256 single bytes, then a table of the 199,742 merges. It is a hash
// table as it lies in the file, so that nothing has to be loaded, built or given back: the system pages in what is used.
//
// An entry holds, from the high bits down, the hash of two ids and the id of their merge, 18 bits each id. The hash is a
// bijection, hence the two ids need not be kept. Entries stand in ascending order at or after the slot that the upper half
// of their hash names; an empty slot is all ones. A search ends at the first entry that is not smaller.
//
//go:embed o200k.bin
var o200k []byte

const (
	idBits     = 18
	multiplier = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: odd, so multiplying loses nothing
	noMerge    = 1<<32 - 1
)

// merge is the id of the token that l and r together are, or noMerge. Ids count in the order of the merges.
func merge(l, r uint32) uint32 {
	hash := (uint64(l)<<idBits | uint64(r)) * multiplier & (1<<(2*idBits) - 1)
	for at := 256 + hash>>idBits*8; ; at += 8 {
		e := binary.LittleEndian.Uint64(o200k[at:])
		if e>>idBits >= hash {
			if e>>idBits == hash {
				return uint32(e & (1<<idBits - 1))
			}
			return noMerge
		}
	}
}
