// Command gen renders the tray icons: every SVG of assets/icons/svg becomes
// one PNG per size in assets/icons/png. It is run by hand (make icons) after a
// drawing has changed; building the program needs none of it.
//
// Each size is drawn from the vectors, because a scaled bitmap loses the
// half-pixel cut around the badge. rsvg-convert (package librsvg2-bin) draws.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// sizes are what trays ask for: 16, 20, 24 and 32 on Windows at 100 to 200 %,
// 22 and its double on Linux and macOS, 24 and its double on some panels.
var sizes = []int{16, 20, 22, 24, 32, 44, 48}

func main() {
	dir := flag.String("dir", "assets/icons", "folder that holds svg/ and png/")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	drawings, err := filepath.Glob(filepath.Join(dir, "svg", "*.svg"))
	if err != nil {
		return err
	}
	if len(drawings) == 0 {
		return fmt.Errorf("no drawings in %s: run this from the top of the repository", filepath.Join(dir, "svg"))
	}
	if err := os.RemoveAll(filepath.Join(dir, "png")); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "png"), 0o755); err != nil {
		return err
	}
	var sums strings.Builder
	for _, drawing := range drawings {
		name := strings.TrimSuffix(filepath.Base(drawing), ".svg")
		source, err := os.ReadFile(drawing)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(source), name)
		for _, size := range sizes {
			picture, err := render(drawing, size)
			if err != nil {
				return fmt.Errorf("render %s at %d px: %w", drawing, size, err)
			}
			if err := os.WriteFile(filepath.Join(dir, "png", fmt.Sprintf("%s-%d.png", name, size)), picture, 0o644); err != nil {
				return err
			}
		}
	}
	// A test compares these sums with the drawings, so that a changed drawing
	// with old pictures is noticed.
	return os.WriteFile(filepath.Join(dir, "rendered.txt"), []byte(sums.String()), 0o644)
}

func render(drawing string, size int) ([]byte, error) {
	side := strconv.Itoa(size)
	out, err := exec.Command("rsvg-convert", "--width", side, "--height", side, drawing).Output()
	if err != nil {
		return nil, fmt.Errorf("rsvg-convert: %w (install librsvg2-bin)", err)
	}
	drawn, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&small, withPalette(drawn))
	return small.Bytes(), err
}

// withPalette returns the same picture as an indexed one when it has no more
// than 256 colours: about half the bytes, and all of them are embedded.
func withPalette(picture image.Image) image.Image {
	bounds := picture.Bounds()
	plain := image.NewNRGBA(bounds)
	draw.Draw(plain, bounds, picture, bounds.Min, draw.Src)
	index := map[color.NRGBA]uint8{}
	var palette color.Palette
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			at := plain.NRGBAAt(x, y)
			if _, seen := index[at]; seen {
				continue
			}
			if len(palette) == 256 {
				return plain
			}
			index[at] = uint8(len(palette))
			palette = append(palette, at)
		}
	}
	indexed := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			indexed.SetColorIndex(x, y, index[plain.NRGBAAt(x, y)])
		}
	}
	return indexed
}
