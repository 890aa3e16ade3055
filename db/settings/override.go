package settings

import (
	"fmt"
	"strconv"
)

// Override is what flags and environment say over the file. It holds for one run and is never saved. Zero fields leave
// the file's value.
type Override struct {
	Host          string // --host, LOCALROUTER_HOST
	Port          int    // --port, LOCALROUTER_PORT
	DashboardPort int    // LOCALROUTER_DASHBOARD_PORT
}

// OverrideFromEnv reads the environment's part.
func OverrideFromEnv(getenv func(string) string) (Override, error) {
	o := Override{Host: getenv("LOCALROUTER_HOST")}
	for name, port := range map[string]*int{"LOCALROUTER_PORT": &o.Port, "LOCALROUTER_DASHBOARD_PORT": &o.DashboardPort} {
		text := getenv(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 65535 {
			return Override{}, fmt.Errorf("%s is %s, which is not a port; set it to a number from 1 to 65535, or unset it", name, quoteShort(text))
		}
		*port = n
	}
	return o, nil
}

// Over returns o with the fields that first names taken from first: flags over environment.
func (o Override) Over(first Override) Override {
	orElse(&first.Host, o.Host)
	orElse(&first.Port, o.Port)
	orElse(&first.DashboardPort, o.DashboardPort)
	return first
}

// Apply returns s with o over it, s itself where o says nothing. The result is checked again: a flag cannot open what
// the file has not confirmed.
func (o Override) Apply(s *Settings) (*Settings, error) {
	if o == (Override{}) {
		return s, nil
	}
	c := s.Clone()
	if o.Host != "" {
		c.Server.Host = o.Host
	}
	if o.Port != 0 {
		c.Server.Port = o.Port
	}
	if o.DashboardPort != 0 {
		c.Server.DashboardPort = o.DashboardPort
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}
