// Command notices writes the notices of everything that is built into the program: each Go module that is linked on
// some system, Go itself, the tokenizer's vocabulary, the data of the catalogue, and the packages inside the embedded ECharts build. It is run by
// hand (make notices) after a dependency has changed; a test notices a module that is missing.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "assets/notices.txt", "file to write")
	scripts := flag.String("scripts", "assets/web/echarts/node_modules", "folder of the packages inside the ECharts build (make echarts fills it)")
	flag.Parse()
	text, err := notices(*scripts)
	if err == nil {
		err = os.WriteFile(*out, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// part is something built in, with the texts its makers want to be passed on.
type part struct{ name, text string }

// notices spells everything, a text that several parts share once.
func notices(scripts string) ([]byte, error) {
	modules, err := linked()
	if err != nil {
		return nil, err
	}
	parts := []part{}
	add := func(name, dir string) error {
		text, err := texts(dir)
		if err == nil && text == "" {
			err = fmt.Errorf("%s: no licence file", name)
		}
		parts = append(parts, part{name, text})
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if err := add("Go "+strings.TrimPrefix(runtime.Version(), "go"), strings.TrimSpace(string(root))); err != nil {
		return nil, err
	}
	for _, m := range modules {
		if err := add(m.Path+" "+m.Version, m.Dir); err != nil {
			return nil, err
		}
	}
	if err := add("o200k_base, the vocabulary of OpenAI's tiktoken", "providers/tokens"); err != nil {
		return nil, err
	}
	for _, of := range []struct{ name, dir string }{{"npm @earendil-works/pi-ai", "pi-ai"}, {"npm @pydantic/genai-prices", "genai-prices"}, {"charm.land/catwalk", "catwalk"}} {
		if err := add(of.name+", data of the model catalogue", filepath.Join("providers/catalog/licences", of.dir)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"echarts", "echarts/licenses", "zrender", "tslib"} {
		if err := add("npm "+name, filepath.Join(scripts, name)); err != nil {
			return nil, fmt.Errorf("%w (run: make echarts)", err)
		}
	}
	var b bytes.Buffer
	b.WriteString("LocalRouter is made with the following, under the terms printed below each.\n")
	for len(parts) > 0 {
		text := parts[0].text
		b.WriteString("\n" + strings.Repeat("=", 100) + "\n")
		parts = slices.DeleteFunc(parts, func(p part) bool {
			if p.text == text {
				b.WriteString(p.name + "\n")
			}
			return p.text == text
		})
		b.WriteString(strings.Repeat("-", 100) + "\n" + text)
	}
	return b.Bytes(), nil
}

// module is what the go command says of one.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// linked lists the modules of the program on every system it is built for, sorted by path.
func linked() ([]module, error) {
	found := map[string]module{}
	for _, build := range []string{"linux 0", "windows 0", "darwin 0", "darwin 1"} {
		system, cgo, _ := strings.Cut(build, " ")
		c := exec.Command("go", "list", "-deps", "-json=Module", "localrouter")
		c.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED="+cgo)
		c.Stderr = os.Stderr
		raw, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for d := json.NewDecoder(bytes.NewReader(raw)); d.More(); {
			var p struct{ Module *module }
			if err := d.Decode(&p); err != nil {
				return nil, err
			}
			if p.Module != nil && !p.Module.Main {
				found[p.Module.Path] = *p.Module
			}
		}
	}
	var list []module
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// texts joins the licence and notice files of a folder.
func texts(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	text := ""
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "NOTICE") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "COPYRIGHT") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		text += strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n")) + "\n"
	}
	return text, nil
}
