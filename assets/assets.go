// Package assets holds the files the program carries inside itself: the dashboard's style sheets, scripts, templates
// and pictures. It knows how they are named and served, not what they show.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The globs are spelled out so that echarts/node_modules, present after `make echarts`, never gets in.
//
//go:embed web/*.css web/*.js web/*.svg web/*.gz web/templates/*.html
var embedded embed.FS

// FS holds the dashboard's files under their own names; templates are in the folder "templates".
var FS fs.FS = must(fs.Sub(embedded, "web"))

// Prefix is the folder under which Handler serves.
const Prefix = "/static/"

// file is one served file.
type file struct {
	hashed      string // name with its content hash: "app.0123456789.css"
	contentType string
	plain       []byte
	packed      []byte // gzip
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// index is made once, on first use: hashing half a megabyte is not work for a command that shows no page.
var index = sync.OnceValue(buildIndex)

type indexed struct {
	byName, byHashed map[string]*file
}

// Path is the address under which name is served. The address changes with the content, so it may be kept for ever.
// An unknown name gives an address that answers 404; a test compares the names used in the code with the files.
func Path(name string) string {
	if f := index().byName[name]; f != nil {
		return Prefix + f.hashed
	}
	return Prefix + name
}

// Text is the content of a text file, for inlining; empty where there is none.
func Text(name string) string {
	b, err := fs.ReadFile(FS, name)
	if err != nil {
		return ""
	}
	return string(b)
}

// Handler serves the files at Prefix under their hashed names, and no other path.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := index().byHashed[strings.TrimPrefix(r.URL.Path, Prefix)]
		if f == nil {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		body := f.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = f.packed
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // the browser went away; nobody is left to tell
		}
	})
}

func buildIndex() indexed {
	ix := indexed{byName: map[string]*file{}, byHashed: map[string]*file{}}
	entries := must(fs.ReadDir(FS, "."))
	for _, e := range entries {
		if !e.IsDir() {
			ix.add(strings.TrimSuffix(e.Name(), ".gz"))
		}
	}
	return ix
}

// imports finds the relative imports of a script; they are rewritten to hashed names, so a change of one script
// changes the name of all that use it.
var imports = regexp.MustCompile(`(["'])\./([a-z0-9-]+\.js)(["'])`)

func (ix indexed) add(name string) *file {
	if f := ix.byName[name]; f != nil {
		return f
	}
	f := &file{contentType: contentTypes[path.Ext(name)]}
	if packed, err := fs.ReadFile(FS, name+".gz"); err == nil {
		f.packed, f.plain = packed, unpack(packed)
	} else {
		f.plain = must(fs.ReadFile(FS, name))
		if path.Ext(name) == ".js" {
			f.plain = imports.ReplaceAllFunc(f.plain, func(m []byte) []byte {
				p := imports.FindSubmatch(m)
				return []byte(string(p[1]) + "./" + ix.add(string(p[2])).hashed + string(p[3]))
			})
		}
		f.packed = pack(f.plain)
	}
	sum := sha256.Sum256(f.plain)
	ext := path.Ext(name)
	f.hashed = strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	ix.byName[name], ix.byHashed[f.hashed] = f, f
	return f
}

func pack(plain []byte) []byte {
	var b bytes.Buffer
	z := must(gzip.NewWriterLevel(&b, gzip.BestCompression))
	must(z.Write(plain))
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func unpack(packed []byte) []byte {
	return must(io.ReadAll(must(gzip.NewReader(bytes.NewReader(packed)))))
}

// must is for the embedded files alone: what it could report is a defect of the build, and the tests would show it.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
