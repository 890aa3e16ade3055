package assets

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var iconStates = []string{"running", "degraded", "stopped", "starting-1", "starting-2", "starting-3", "exposed", "error"}

func TestEveryStateHasAPictureOfItsOwnInEverySizeAndTheme(t *testing.T) {
	seen := map[string]string{}
	for _, theme := range []string{DarkBar, LightBar, Template} {
		for _, state := range iconStates {
			for _, size := range iconSizes {
				name := fmt.Sprintf("%s %s %d", theme, state, size)
				picture := Icon(state, theme, size)
				config, err := png.DecodeConfig(bytes.NewReader(picture))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if config.Width != size || config.Height != size {
					t.Errorf("%s is %d x %d px, want a square of %d", name, config.Width, config.Height, size)
				}
				if other, taken := seen[string(picture)]; taken {
					t.Errorf("%s looks the same as %s", name, other)
				}
				seen[string(picture)] = name
			}
		}
	}
}

func TestIconAlwaysAnswers(t *testing.T) {
	for _, ask := range []struct {
		state, theme string
		size         int
		same         []byte
	}{
		{"starting", DarkBar, 22, Icon("starting-1", DarkBar, 22)},
		{"running", "no such theme", 22, Icon("running", DarkBar, 22)},
		{"no such state", LightBar, 22, Icon("stopped", LightBar, 22)},
		{"running", DarkBar, 17, Icon("running", DarkBar, 20)},
		{"running", DarkBar, 500, Icon("running", DarkBar, 48)},
		{"../../running", DarkBar, 0, Icon("stopped", DarkBar, 16)},
	} {
		got := Icon(ask.state, ask.theme, ask.size)
		if len(got) == 0 || !bytes.Equal(got, ask.same) {
			t.Errorf("Icon(%q, %q, %d) is not the picture it should fall back to", ask.state, ask.theme, ask.size)
		}
	}
}

func TestICOHoldsTheFourSizesOfTheWindowsTray(t *testing.T) {
	for _, state := range iconStates {
		file := ICO(state, DarkBar)
		if got := binary.LittleEndian.Uint16(file[4:]); got != 4 {
			t.Fatalf("%s: %d pictures, want 4", state, got)
		}
		end := 0
		for i, want := range []int{16, 20, 24, 32} {
			entry := file[6+16*i:]
			length, offset := int(binary.LittleEndian.Uint32(entry[8:])), int(binary.LittleEndian.Uint32(entry[12:]))
			if int(entry[0]) != want || int(entry[1]) != want {
				t.Errorf("%s: picture %d is %d px, want %d", state, i, entry[0], want)
			}
			dib := file[offset : offset+length]
			if got := int(binary.LittleEndian.Uint32(dib[4:])); got != want {
				t.Errorf("%s: bitmap %d is %d px wide, want %d", state, i, got, want)
			}
			if opaque := bytes.Count(dib[40:], []byte{0xff}); opaque == 0 {
				t.Errorf("%s: bitmap %d is empty", state, i)
			}
			end = offset + length
		}
		if end != len(file) {
			t.Errorf("%s: %d bytes, the pictures end at %d", state, len(file), end)
		}
		if again := ICO(state, DarkBar); &again[0] != &file[0] {
			t.Errorf("%s is made anew at each call; Windows would keep a file for each", state)
		}
	}
}

// A drawing that was changed without `make icons` would ship the old pictures.
func TestPicturesAreOfTheseDrawings(t *testing.T) {
	rendered, err := os.ReadFile("icons/rendered.txt")
	if err != nil {
		t.Fatal(err)
	}
	drawings, err := filepath.Glob("icons/svg/*.svg")
	if err != nil || len(drawings) != 24 {
		t.Fatalf("%d drawings (%v), want 24", len(drawings), err)
	}
	for _, drawing := range drawings {
		source, err := os.ReadFile(drawing)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%x  %s\n", sha256.Sum256(source), strings.TrimSuffix(filepath.Base(drawing), ".svg"))
		if !strings.Contains(string(rendered), line) {
			t.Errorf("%s was changed after its pictures were made: run `make icons`", drawing)
		}
	}
}
