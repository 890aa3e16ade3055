package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// archive is a source, pinned.
type archive struct {
	name, version, file, hash string
	date                      string // of its data
	fetch                     func(a *archive, cache string) ([]byte, error)
}

var (
	piAI = archive{"@earendil-works/pi-ai", "1.5.2", "earendil-works-pi-ai-1.5.2.tgz",
		"d5715efa834c23bfdf10a042b49df4ee169cc99000bf16d7998fab2d533b45f8", "2026-11-10", fromNPM}
	genaiPrices = archive{"@pydantic/genai-prices", "0.1.8", "pydantic-genai-prices-0.1.8.tgz",
		"8c9ba41e46719abc54a0ae4756ba5f2b5a768b8117fb29f40c5ca7ed3146eb5b", "2026-09-23", fromNPM}
	catwalkModule = archive{"charm.land/catwalk", "v0.52.86", "catwalk-v0.52.86.zip",
		"36399eecbf70e7dd97a5d5c40a9703838980dd930ff64a970fbad69d6e0032ba", "2026-10-28", fromGo}
	archives = []*archive{&piAI, &genaiPrices, &catwalkModule}
)

// fetch reads all archives by name, from the cache where it holds them.
func fetch(cache string) (map[string][]byte, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, a := range archives {
		path := filepath.Join(cache, a.file)
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			if b, err = a.fetch(a, cache); err == nil {
				err = os.WriteFile(path, b, 0o644)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", a.name, a.version, err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != a.hash {
			return nil, fmt.Errorf("%s: its sha256 is %x, not that of %s %s; delete it to have it fetched again", path, sum, a.name, a.version)
		}
		files[a.name] = b
	}
	return files, nil
}

// fromNPM fetches a package from the registry that npm is set up with.
func fromNPM(a *archive, cache string) ([]byte, error) {
	c := exec.Command("npm", "pack", "--silent", "--pack-destination", cache, a.name+"@"+a.version)
	c.Stderr = os.Stderr
	if _, err := c.Output(); err != nil {
		return nil, fmt.Errorf("npm pack: %w", err)
	}
	return os.ReadFile(filepath.Join(cache, a.file))
}

// fromGo fetches the zip of a module as GOPROXY says. It is read, never built: that the module wants a newer Go does not
// matter, though the command complains of it.
func fromGo(a *archive, _ string) ([]byte, error) {
	c := exec.Command("go", "mod", "download", "-json", a.name+"@"+a.version)
	out, err := c.Output()
	var said struct{ Zip, Error string }
	if json.Unmarshal(out, &said) != nil || said.Zip == "" {
		return nil, fmt.Errorf("go mod download: %s (%v)", said.Error, err)
	}
	return os.ReadFile(said.Zip)
}

// untar reads the files of an npm package, by the names they have in it.
func untar(b []byte) (map[string][]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[h.Name], err = io.ReadAll(t); err != nil {
			return nil, err
		}
	}
}

// unzip reads the files of a module, by the names they have in it.
func unzip(b []byte) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		files[f.Name], err = io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
