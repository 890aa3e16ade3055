package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Options of a Transport. The zero value dials directly with the system's certificate authorities.
type Options struct {
	// Connect bounds dialling, and TLS again. Zero: 10 s.
	Connect time.Duration
	// CAFile is a PEM file with certificate authorities that are trusted besides the system's. Empty: none.
	CAFile string
	// Getenv finds HTTPS_PROXY and NO_PROXY, in capitals or not. Nil: no proxy.
	Getenv func(string) string
	// Header is attached to every request as the very last step, and only to requests for the base URL's own scheme,
	// host and port: the credential and what the person's settings add.
	Header http.Header
}

// Transport carries requests to one provider. It follows no redirect, unpacks nothing, and sends its header nowhere but
// to the address it was made for. It may be used by many goroutines at once.
type Transport struct {
	base   *url.URL
	origin string
	header http.Header
	t      *http.Transport
	watch  sleepWatch
}

// ErrForeign is what a request for another address than the transport's own gets.
var ErrForeign = errors.New("the request is not for this provider's address")

// ErrPlain is what a dial without TLS to a public address gets.
var ErrPlain = errors.New("plain http is for loopback and private addresses only; use https")

// NewTransport makes a transport to base.
func NewTransport(base *url.URL, o Options) (*Transport, error) {
	if base.Scheme != "https" && base.Scheme != "http" || base.Hostname() == "" {
		return nil, fmt.Errorf("the base URL %q must begin with https:// or http:// and name a host", base.Redacted())
	}
	if base.User != nil {
		return nil, errors.New("the base URL holds a user name; credentials belong into the vault or api_key_env")
	}
	if ip, err := netip.ParseAddr(base.Hostname()); err == nil && base.Scheme == "http" && !Private(ip) {
		return nil, ErrPlain
	}
	connect := o.Connect
	if connect <= 0 {
		connect = 10 * time.Second
	}
	roots, err := authorities(o.CAFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	if base.Scheme == "http" {
		dialer.Control = privateOnly
	}
	t := &http.Transport{
		Proxy:                  proxyFor(base, o.Getenv),
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(32)},
		TLSHandshakeTimeout:    connect,
		DisableCompression:     true, // a compressed stream is held back by whoever unpacks it
		MaxIdleConns:           4096,
		MaxIdleConnsPerHost:    2048,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      base.Scheme == "https",
		// A connection that died silently would otherwise hold up every stream on it for minutes.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 15 * time.Second},
	}
	return &Transport{base: base, origin: origin(base), header: o.Header.Clone(), t: t}, nil
}

// RoundTrip sends r. A request whose body can be read again is repeated once by net/http where a reused connection
// turns out to be dead before any header came; see Repeatable.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if origin(r.URL) != t.origin {
		return nil, ErrForeign
	}
	if t.watch.slept(time.Now()) {
		t.t.CloseIdleConnections() // the other side has forgotten them, and waiting for that to show costs seconds
	}
	for name, values := range t.header {
		r.Header[name] = values
	}
	return t.t.RoundTrip(r)
}

// Close drops the idle connections; those in use end with their requests.
func (t *Transport) Close() { t.t.CloseIdleConnections() }

// Repeatable marks r as safe to send again where the connection died before an answer began. net/http does so only on a
// reused connection, and takes the presence of this field, which is never sent without a value, for permission.
func Repeatable(r *http.Request) { r.Header["X-Idempotency-Key"] = nil }

// origin names scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

// authorities are the system's, and those of file.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("network.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("network.ca_file: the system's authorities cannot be read: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("network.ca_file: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// proxyFor follows HTTPS_PROXY and NO_PROXY for https. Plain http never goes through a proxy: it is for this machine
// and its neighbours, and a proxy would read the credential.
func proxyFor(base *url.URL, getenv func(string) string) func(*http.Request) (*url.URL, error) {
	if getenv == nil || base.Scheme != "https" || loopback(base.Hostname()) {
		return nil
	}
	either := func(upper, lower string) string {
		if v := getenv(upper); v != "" {
			return v
		}
		return getenv(lower)
	}
	c := httpproxy.Config{HTTPSProxy: either("HTTPS_PROXY", "https_proxy"), NoProxy: either("NO_PROXY", "no_proxy")}
	if c.HTTPSProxy == "" {
		return nil
	}
	proxy := c.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
}

// privateOnly refuses to dial a public address, after the name was resolved: a name can be made to point anywhere.
func privateOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !Private(ap.Addr()) {
		return ErrPlain
	}
	return nil
}

var shared = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598: not routed on the internet; overlay networks use it

// Private reports whether an address is loopback, link-local or private.
func Private(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || shared.Contains(ip)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Near reports whether a base URL is on loopback, and whether it is on a private address, as far as its host tells
// without being looked up.
func Near(base *url.URL) (onLoopback, private bool) {
	onLoopback = loopback(base.Hostname())
	ip, err := netip.ParseAddr(base.Hostname())
	return onLoopback, onLoopback || err == nil && Private(ip) || base.Scheme == "http"
}

// sleepWatch notices that the machine slept or its clock was set: wall and monotonic time part.
type sleepWatch struct {
	mu   sync.Mutex // guards last
	last time.Time
}

const maxDrift = 30 * time.Second

// slept reports whether wall and monotonic clock moved apart since the call before.
func (w *sleepWatch) slept(now time.Time) bool {
	w.mu.Lock()
	last := w.last
	w.last = now
	w.mu.Unlock()
	if last.IsZero() {
		return false
	}
	return parted(now.Round(0).Sub(last.Round(0)), now.Sub(last))
}

func parted(wall, monotonic time.Duration) bool {
	drift := wall - monotonic
	return drift > maxDrift || drift < -maxDrift
}
