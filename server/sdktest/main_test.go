// Package sdktest drives the real program with the official SDKs for Go of OpenAI and Anthropic, as applications would. It
// is a module of its own, so that the program's own modules stay few. The program is built and started as a person would
// start it, with providers that this package plays: one that answers as the test at hand wants, and a strict one of each
// vendor.
package sdktest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"localrouter/server/sdktest/gateway"
)

// providerKey is the provider's credential; no application may ever see it, nor the provider the application's.
const providerKey = "sk-provider-secret"

// What all tests share; set once by TestMain.
var (
	up      *upstream              // the provider "up"
	vendors = map[string]*vendor{} // by provider: "upo", "upown" and "upa"
	running *gateway.Gateway
	baseURL string // of the running gateway
	key     string // made by `localrouter keys new`
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // of the person at this machine, which the SDKs would obey
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ANTHROPIC_") || strings.HasPrefix(name, "OPENAI_") {
			os.Unsetenv(name)
		}
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdktest:", err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program, starts it with the upstream as its provider, makes a key and runs the tests.
func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "sdktest")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if up, err = startUpstream(); err != nil {
		return 1, err
	}
	defer up.Close()
	for _, p := range vendorProviders {
		v, err := startVendor(p.dialect, p.name)
		if err != nil {
			return 1, err
		}
		defer v.Close()
		vendors[p.name] = v
	}
	if running, err = start(dir); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := running.Stop(); stopErr != nil && err == nil {
			err = stopErr
		}
	}()
	made, err := running.NewKey("sdk")
	if err != nil {
		return 1, err
	}
	key, baseURL = made.Secret, made.BaseURL
	if err := running.Until("up/plain is listed", func() bool { return listed("up/plain") }); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// start builds the program and starts it with all providers that this package plays.
func start(dir string) (*gateway.Gateway, error) {
	bin, err := gateway.Build(filepath.Join("..", ".."), dir)
	if err != nil {
		return nil, err
	}
	providers := []gateway.Provider{{Name: "up", Type: "openai-compatible", BaseURL: up.base, Key: providerKey}}
	for _, p := range vendorProviders {
		providers = append(providers, gateway.Provider{Name: p.name, Type: p.kind, BaseURL: vendors[p.name].base + p.path, Key: providerKey})
	}
	settings, env := gateway.Settings(providers...)
	return gateway.Start(bin, filepath.Join(dir, "home"), settings, env...)
}

// listed reports whether a model is known; lists are read behind the requests.
func listed(id string) bool { return slices.Contains(running.Models(key), id) }

// client is the SDK as an application sets it up; no retries of its own, so that every answer is the gateway's.
func client(more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(baseURL), option.WithAPIKey(key), option.WithMaxRetries(0),
	}, more...)...)
}
