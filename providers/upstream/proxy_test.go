package upstream_test

import (
	"context"
	"net"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/upstream"
)

// TestALocalProviderIsReachedThroughNoProxy, also where its address is a private one: a proxy may stand anywhere.
func TestALocalProviderIsReachedThroughNoProxy(t *testing.T) {
	for _, local := range []bool{true, false} {
		proxy, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		came := make(chan struct{}, 16)
		go func() {
			for {
				c, err := proxy.Accept()
				if err != nil {
					return
				}
				came <- struct{}{} // before the client hears anything
				c.Close()
			}
		}()
		p, err := openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: "https://10.255.255.1:9/v1", Local: local, Connect: 100 * time.Millisecond,
			Getenv: func(name string) string {
				if name == "HTTPS_PROXY" {
					return "http://" + proxy.Addr().String()
				}
				return ""
			}}})
		if err != nil {
			t.Fatal(err)
		}
		req, err := openai.NewCodec().Scan(llm.Chat, "/chat/completions", []byte(`{"model":"m","messages":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Send(context.Background(), req, "m", nobody{}); err == nil {
			t.Fatal("nobody is there, and it answered")
		}
		if reached := len(came) > 0; reached == local {
			t.Errorf("local %v: the proxy was reached: %v", local, reached)
		}
		proxy.Close()
		p.Close()
	}
}
