package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keyFileMark begins the one line of a key file, so that a person who meets it knows what it is.
const keyFileMark = "localrouter-master-key-1 "

var errNotKey = errors.New("the file does not hold a master key")

func readKeyFile(path string) ([]byte, error) {
	if err := Private(path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := decodeKeyFile(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func decodeKeyFile(text string) ([]byte, error) {
	line, ok := strings.CutPrefix(strings.TrimSpace(text), keyFileMark)
	if !ok {
		return nil, errNotKey
	}
	key, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(key) != keySize {
		return nil, errNotKey
	}
	return key, nil
}

func writeKeyFile(path string, key []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return WriteFile(path, []byte(keyFileMark+base64.StdEncoding.EncodeToString(key)+"\n"))
}
