package assets

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"sync"
)

//go:embed icons/png/*.png
var iconFiles embed.FS

// Themes of tray icons, named for the bar they are drawn on. Template is the
// black and alpha form that macOS tints itself.
const (
	DarkBar  = "dark"
	LightBar = "light"
	Template = "template"
)

// iconSizes are the sizes that icons/gen renders, smallest first.
var iconSizes = []int{16, 20, 22, 24, 32, 44, 48}

// Icon returns the PNG of the tray icon for a state (running, degraded,
// stopped, exposed, error, and starting-1 to starting-3) on a bar of the given
// theme, in the smallest rendered size that is not under size. A state without
// a drawing gets the stopped one and an unknown theme the dark bar's, so there
// is always a picture: the tray library panics on macOS when given none. The
// bytes are shared; do not change them.
func Icon(state, theme string, size int) []byte {
	picked := iconSizes[len(iconSizes)-1]
	for _, rendered := range iconSizes {
		if rendered >= size {
			picked = rendered
			break
		}
	}
	if theme != LightBar && theme != Template {
		theme = DarkBar
	}
	if state == "starting" {
		state = "starting-1"
	}
	for _, name := range []string{state, "stopped"} {
		if picture, err := iconFiles.ReadFile(fmt.Sprintf("icons/png/%s-%s-%d.png", theme, name, picked)); err == nil {
			return picture
		}
	}
	return nil
}

// icoCache holds each ICO once it was made. Windows keeps a file and a handle
// for every distinct picture it is given, so the bytes must never vary.
var icoCache sync.Map

// ICO returns the same icon for Windows: one file with 16, 20, 24 and 32 px,
// what its tray asks for at 100 to 200 %.
func ICO(state, theme string) []byte {
	key := theme + "-" + state
	if made, ok := icoCache.Load(key); ok {
		return made.([]byte)
	}
	made, _ := icoCache.LoadOrStore(key, packICO(state, theme, []int{16, 20, 24, 32}))
	return made.([]byte)
}

// packICO writes uncompressed 32-bit pictures: small sizes stored as PNG are
// not read by everything that reads ICO.
func packICO(state, theme string, sizes []int) []byte {
	const head, entry = 6, 16
	var file, pixels bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			binary.Write(&file, binary.LittleEndian, value) // a buffer takes everything
		}
	}
	put(uint16(0), uint16(1), uint16(len(sizes)))
	for _, size := range sizes {
		dib := packDIB(Icon(state, theme, size), size)
		offset := head + entry*len(sizes) + pixels.Len()
		put(uint8(size), uint8(size), uint8(0), uint8(0), uint16(1), uint16(32), uint32(len(dib)), uint32(offset))
		pixels.Write(dib)
	}
	file.Write(pixels.Bytes())
	return file.Bytes()
}

// packDIB turns a square PNG into a device-independent bitmap: a 40-byte head
// with the height doubled for the mask, rows from the bottom in BGRA, then the
// mask itself, left empty since the alpha channel does its work.
func packDIB(picture []byte, size int) []byte {
	plain := image.NewNRGBA(image.Rect(0, 0, size, size))
	if decoded, err := png.Decode(bytes.NewReader(picture)); err == nil {
		draw.Draw(plain, plain.Bounds(), decoded, decoded.Bounds().Min, draw.Src)
	}
	maskRow := (size + 31) / 32 * 4
	dib := make([]byte, 40, 40+size*size*4+maskRow*size)
	binary.LittleEndian.PutUint32(dib[0:], 40)
	binary.LittleEndian.PutUint32(dib[4:], uint32(size))
	binary.LittleEndian.PutUint32(dib[8:], uint32(2*size))
	binary.LittleEndian.PutUint16(dib[12:], 1)
	binary.LittleEndian.PutUint16(dib[14:], 32)
	binary.LittleEndian.PutUint32(dib[20:], uint32(size*size*4+maskRow*size))
	for y := size - 1; y >= 0; y-- {
		for x := range size {
			at := plain.NRGBAAt(x, y)
			dib = append(dib, at.B, at.G, at.R, at.A)
		}
	}
	return append(dib, make([]byte, maskRow*size)...)
}
