// Package secret knows how what must stay secret is kept: sealed with one master key, which stands in the system's
// keyring or, where there is none, in a file of its owner. It does not know where sealed bytes are stored.
package secret

// Records is where the vault keeps its header. The database implements it, so that header and sealed data live and die
// together.
type Records interface {
	Get(name string) ([]byte, error) // nil, nil if there is none
	Put(name string, value []byte) error
}
