package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// handEdit changes the file as editors do.
func handEdit(t testing.TB, i int, path, text string) {
	t.Helper()
	switch i % 3 {
	case 0: // a new file takes its place: vim, sed -i
		put(t, path+".new", text)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	case 1: // emptied, then written in pieces: nano, echo >
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{text[:len(text)/3], text[len(text)/3 : len(text)/2], text[len(text)/2:]} {
			if _, err := f.WriteString(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	case 2: // the old one is moved away first: emacs, old vim
		put(t, path+".new", text)
		if err := os.Rename(path, path+"~"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHandEditsAreAppliedWithinTwoSeconds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	watch(t, s)
	for i := range 200 {
		if i%10 == 9 { // every tenth is a mistake first
			handEdit(t, i, path, fmt.Sprintf("version: 1\nserver: {port: %d\n", 4000+i))
			port := s.Get().Server.Port
			eventually(t, "the mistake is told", func() bool { return s.Problem() != nil })
			if s.Get().Server.Port != port {
				t.Fatal("a faulty file changed the settings in use")
			}
		}
		handEdit(t, i, path, fmt.Sprintf("version: 1\nserver:\n  port: %d # edit %d\n", 4000+i, i))
		eventually(t, fmt.Sprintf("edit %d", i), func() bool { return s.Get().Server.Port == 4000+i && s.Problem() == nil })
	}
}

func TestRealDelaysApplyAnEditWithinTwoSeconds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	s.rest = quiet
	watch(t, s)
	for i := range 3 {
		handEdit(t, i, path, fmt.Sprintf("version: 1\nserver: {port: %d}", 4000+i)) // no line end: looks half-written
		eventually(t, "the edit", func() bool { return s.Get().Server.Port == 4000+i })
	}
}

func TestHalfWrittenFileIsNotTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	watch(t, s)
	put(t, path, "version: 1\nserver: {port: 4")
	eventually(t, "the fault is told", func() bool { return s.Problem() != nil })
	put(t, path, "")
	eventually(t, "the emptiness is told", func() bool { return strings.Contains(fmt.Sprint(s.Problem()), "holds no settings") })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the loss is told", func() bool { return errors.Is(s.Problem(), errGone) })
	if s.Get().Server.Port != 3636 {
		t.Error("the settings in use changed")
	}
	put(t, path, "version: 1\nserver: {port: 4001}\n")
	eventually(t, "the file is in use", func() bool { return s.Get().Server.Port == 4001 && s.Problem() == nil })
}
