package settings

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"localrouter/providers/llm"
)

var (
	providerName = regexp.MustCompile(`^[a-z0-9-]+$`)
	envName      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	headerName   = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	hostName     = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

	reservedNames = []string{"router", "auto", "localrouter"}
	logLevels     = []string{"debug", "info", "warn", "error"}
	// needsURL are the types that have no address of their own.
	needsURL = []string{"openai-compatible"}
	// hopHeaders are the transport's own: set by hand they break the request or smuggle another.
	hopHeaders = []string{"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "accept-encoding"}
)

const maxTimeout = 24 * time.Hour

// Validate checks everything that can be known without the network or the disk, cross-references included. What is
// wrong comes back as Errors that name the path.
func (s *Settings) Validate() error {
	if errs := s.check(); len(errs) > 0 {
		return errs
	}
	return nil
}

type checker struct{ errs Errors }

func (c *checker) fail(path, message, hint string) {
	c.errs = append(c.errs, &Error{Path: path, Message: message, Hint: hint})
}

func (s *Settings) check() Errors {
	c := &checker{}
	if s.Version != Version {
		c.fail("version", fmt.Sprintf("is %d", s.Version), fmt.Sprintf("this program writes version %d", Version))
	}
	c.server(&s.Server)
	seen := map[string]int{}
	for i := range s.Providers {
		p := &s.Providers[i]
		path := fmt.Sprintf("providers[%d]", i)
		c.unique(path, "providers", p.Name, i, seen)
		c.provider(p, path)
		c.load(p, &s.Resilience, path)
	}
	c.routers(s)
	c.aliases(s)
	c.money("budget.day", s.Budget.Day)
	c.money("budget.month", s.Budget.Month)
	c.resilience("resilience", &s.Resilience, nil)
	c.file("network.ca_file", s.Network.CAFile)
	if s.Logging.Level != "" && !slices.Contains(logLevels, s.Logging.Level) {
		c.fail("logging.level", quoteShort(s.Logging.Level)+" is not a level", "use debug, info, warn or error")
	}
	if d := s.Logging.RetentionDays; d < 0 || d > 3650 {
		c.fail("logging.retention_days", "must be from 0 (for ever) to 3650", "30 is the default")
	}
	return c.errs
}

func (c *checker) server(s *Server) {
	if problem, hint := hostProblem(s.Host, s.ExposeConfirmed); problem != "" {
		c.fail("server.host", problem, hint)
	}
	c.port("server.port", s.Port)
	c.port("server.dashboard_port", s.DashboardPort)
	if s.Port == s.DashboardPort {
		c.fail("server.dashboard_port", fmt.Sprintf("is %d, as server.port", s.Port), "give each its own port")
	}
	for i, h := range s.AllowedHosts {
		path := fmt.Sprintf("server.allowed_hosts[%d]", i)
		switch {
		case strings.HasPrefix(h, "0.0.0.0") || !hostName.MatchString(h):
			c.fail(path, quoteShort(h)+" is not one name of a host", "write it as in the URL, without http:// and path: host.docker.internal")
		case slices.Index(s.AllowedHosts, h) < i:
			c.fail(path, quoteShort(h)+" stands there twice", "keep one")
		}
	}
	if s.MaxBodyBytes < 1<<10 || s.MaxBodyBytes > 1<<30 {
		c.fail("server.max_body", "must be from 1KiB to 1GiB", "32MiB is the default")
	}
	if s.BufferBytes < s.MaxBodyBytes {
		c.fail("server.buffers", "must be at least server.max_body", "512MiB is the default")
	}
}

func (c *checker) port(path string, port int) {
	if port < 1 || port > 65535 {
		c.fail(path, fmt.Sprintf("%d is not a port", port), "use a number from 1 to 65535")
	}
}

func hostProblem(host string, confirmed bool) (problem, hint string) {
	if host == "localhost" {
		return "", ""
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip.Zone() != "":
		return quoteShort(host) + " is not an IP address", "use 127.0.0.1, or an address of this machine"
	case !ip.Unmap().IsLoopback() && !confirmed:
		return host + " can be reached from other machines", "if that is meant, set server.expose_confirmed: true; else use 127.0.0.1"
	}
	return "", ""
}

// Exposed reports whether the gateway can be reached from other machines.
func (s *Server) Exposed() bool {
	if s.Host == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(s.Host)
	return err != nil || !ip.Unmap().IsLoopback()
}

func (c *checker) provider(p *Provider, path string) {
	if c.name(path+".name", p.Name, orName(p.Type)); slices.Contains(reservedNames, p.Name) {
		c.fail(path+".name", quoteShort(p.Name)+" is reserved", "choose another name")
	}
	if p.Type == "" {
		c.fail(path+".type", "is missing", "use one of "+strings.Join(ProviderTypes, ", "))
	} else {
		c.known(path+".type", p.Type, "a provider type", ProviderTypes)
	}
	c.baseURL(p, path+".base_url")
	c.keySource(p.APIKeyEnv, p.APIKeyFile, path)
	c.extras(p, path)
	for name, t := range map[string]time.Duration{"connect": p.Timeout.Connect, "first_byte": p.Timeout.FirstByte, "idle": p.Timeout.Idle} {
		if t < 0 || t > maxTimeout {
			c.fail(path+".timeout."+name, "must be from 0 (the default) to 24h", "write it as 10s or 2m")
		}
	}
	for i, m := range p.Models {
		at := fmt.Sprintf("%s.models[%d]", path, i)
		switch {
		case m == "" || hasControl(m):
			c.fail(at, "is not a model name", "write it as the provider spells it")
		case slices.Index(p.Models, m) < i:
			c.fail(at, quoteShort(m)+" stands there twice", "keep one")
		}
	}
}

func orName(kind string) string {
	if slices.Contains(ProviderTypes, kind) {
		return kind
	}
	return "openai"
}

func (c *checker) baseURL(p *Provider, path string) {
	if p.BaseURL == "" {
		if slices.Contains(needsURL, p.Type) {
			c.fail(path, "is missing: "+p.Type+" has no address of its own", "write it as http://127.0.0.1:8080/v1")
		}
		if p.Local != nil && *p.Local && p.Type != "ollama" && p.Type != "demo" {
			c.fail(strings.TrimSuffix(path, "base_url")+"local", "is true, but this provider is on the internet", "remove it")
		}
		return
	}
	// The URL is not shown back: people paste keys into URLs.
	u, err := url.Parse(p.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || hasControl(p.BaseURL) || strings.Contains(p.BaseURL, " "):
		c.fail(path, "is not a URL", "write it as https://host/v1")
	case u.Scheme != "http" && u.Scheme != "https":
		c.fail(path, "must begin with https:// or http://", "")
	case u.User != nil:
		c.fail(path, "must not hold a user or password", "use api_key_env, api_key_file or headers")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		c.fail(path, "must end with its path", "put what follows the ? under query:")
	case u.Scheme == "http" && !PrivateHost(u.Hostname()):
		c.fail(path, "is plain http to an address that is not loopback or private", "use https://")
	case p.Local != nil && *p.Local && !PrivateHost(u.Hostname()):
		c.fail(strings.TrimSuffix(path, "base_url")+"local", "is true, but base_url is not on loopback or a private address", "remove it")
	}
}

// PrivateHost reports whether host is loopback, a private address, or a name that only private networks resolve: one
// word (a container's), or one that ends in .local, .internal, .lan, .home.arpa or .localhost. Names are judged by
// their form; who dials must check the address it got.
func PrivateHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(ip)
	}
	// One word of letters only: 2130706433 and 0x7f000001 are addresses to some resolvers.
	if !strings.Contains(host, ".") {
		return host != "" && host[0] >= 'a' && host[0] <= 'z'
	}
	for _, suffix := range []string{".local", ".internal", ".lan", ".home.arpa", ".localhost"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// keySource checks where an API key is taken from.
func (c *checker) keySource(env, file, path string) {
	if env != "" && file != "" {
		c.fail(path+".api_key_file", "stands beside api_key_env", "keep one of the two")
	}
	// The value is not shown back: it may be a key that was put in the wrong place.
	if env != "" && !envName.MatchString(env) {
		c.fail(path+".api_key_env", "is not the name of an environment variable", "write the variable's name, such as OPENAI_API_KEY, never the key itself")
	}
	c.file(path+".api_key_file", file)
}

func (c *checker) money(path string, n int64) {
	if n < 0 || n > highestCost*int64(llm.USD) {
		c.fail(path, "is not an amount of USD", fmt.Sprintf("use 0 (no bound) to %d, such as 5 or 0.25", highestCost))
	}
}

func (c *checker) file(path, file string) {
	if file != "" && (!filepath.IsAbs(file) || hasControl(file)) {
		c.fail(path, "is not an absolute path", "write the whole path, such as /home/me/file")
	}
}

func (c *checker) extras(p *Provider, path string) {
	for name, value := range p.Headers {
		at := path + ".headers." + name
		switch {
		case !headerName.MatchString(name):
			c.fail(path+".headers", quoteShort(name)+" is not a header name", "use letters, digits and -")
		case slices.Contains(hopHeaders, strings.ToLower(name)):
			c.fail(at, "is set by the program itself", "remove it")
		case hasControl(value):
			c.fail(at, "holds a line break or control character", "write it on one line")
		}
	}
	for name, value := range p.Query {
		if name == "" || hasControl(name) || hasControl(value) {
			c.fail(path+".query", "holds an empty name or a control character", "write it as {api-version: \"2024-10-21\"}")
		}
	}
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd || r == 0xfeff })
}
