// Command gen makes catalog.json, the data of package catalog, and prices.txt, a report of where its sources disagree for
// a person to decide. It is run by hand; building the program needs none of it:
//
//	go run ./providers/catalog/gen -cache .cache/catalog
//
// The sources are archives that are pinned by version and hash. What the cache does not hold is fetched with npm and go,
// from wherever they are set up to look; with a full cache no network is needed, and the same bytes come out.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	cache := flag.String("cache", ".cache/catalog", "folder of the archives")
	out := flag.String("o", "providers/catalog/catalog.json", "file to write")
	report := flag.String("report", "providers/catalog/prices.txt", "file for the differences between the sources")
	check := flag.Bool("check", false, "write nothing; fail where the files are not what would be written")
	flag.Parse()
	if err := run(*cache, *out, *report, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(cache, out, report string, check bool) error {
	files, err := fetch(cache)
	if err != nil {
		return err
	}
	pi, err := readPi(files[piAI.name])
	if err != nil {
		return fmt.Errorf("%s: %w", piAI.name, err)
	}
	genai, err := readGenai(files[genaiPrices.name])
	if err != nil {
		return fmt.Errorf("%s: %w", genaiPrices.name, err)
	}
	catwalk, err := readCatwalk(files[catwalkModule.name])
	if err != nil {
		return fmt.Errorf("%s: %w", catwalkModule.name, err)
	}
	models, differences := merge(pi, genai, catwalk)
	for name, text := range map[string][]byte{out: spell(models), report: spellReport(differences)} {
		if !check {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, text) {
			return fmt.Errorf("%s is not what the sources give; run gen without -check", name)
		}
	}
	return nil
}
