package llm

// PicoUSD is an amount of money in 10^-12 US dollars: 1 USD per million tokens is 1,000,000 of them per token, so
// prices and sums stay integers. The largest amount is about 9.2 million dollars.
type PicoUSD int64

// USD is one US dollar.
const USD PicoUSD = 1_000_000_000_000

// Usage counts the tokens of one answer in classes that never overlap, however the vendor counts.
type Usage struct {
	Input      int64 // fresh input, without any cached token
	CacheRead  int64 // input read from a prompt cache
	CacheWrite int64 // input written to a prompt cache, 5-minute class
	// CacheWriteLong is input written to a prompt cache for an hour or longer.
	CacheWriteLong int64
	Output         int64 // everything generated, reasoning included
	Reasoning      int64 // the part of Output that was reasoning; never added to it
	AudioInput     int64 // the part of Input that was sound; never added to it
	AudioOutput    int64 // the part of Output that was sound; never added to it
	Searches       int64 // searches of the web by the provider, which are charged one by one
	// Service is the tier of service that the reply names.
	Service Service
	// InRegion says that the answer was made to stay in one region, where that costs more.
	InRegion bool
	// Model is the model that answered, where the reply names another than was asked for; else empty.
	Model string
	// Estimated marks counts that did not come from the provider.
	Estimated bool
	// Cost is what the provider itself says the request cost, where CostReported is set.
	Cost         PicoUSD
	CostReported bool
}

// InputTotal is all input, cached or not.
func (u Usage) InputTotal() int64 { return u.Input + u.CacheRead + u.CacheWrite + u.CacheWriteLong }

// Total is input and output together.
func (u Usage) Total() int64 { return u.InputTotal() + u.Output }

// Zero reports whether no token was counted at all.
func (u Usage) Zero() bool { return u.Total() == 0 }

// Larger keeps of two counts of the same answer the one that counts more: some servers send zeros or nothing after the
// real figure, others a running count in every chunk. What is no count is kept from either.
func Larger(a, b Usage) Usage {
	if b.Total() < a.Total() {
		a, b = b, a
	}
	if a.CostReported && (!b.CostReported || b.Cost < a.Cost) {
		b.Cost, b.CostReported = a.Cost, true
	}
	b.Searches = max(a.Searches, b.Searches)
	b.InRegion = a.InRegion || b.InRegion
	if b.Service == ServiceUsual {
		b.Service = a.Service
	}
	if b.Model == "" {
		b.Model = a.Model
	}
	return b
}

// Service is a tier of service, by which a provider charges more or less for the same tokens. The zero value is the usual
// one, and any that has no price of its own.
type Service uint8

// The tiers of service.
const (
	ServiceUsual Service = iota
	ServiceFlex
	ServiceBatch
	ServicePriority
	ServiceFast
	ServiceUltrafast
	serviceCount
)

var serviceNames = [serviceCount]string{"", "flex", "batch", "priority", "fast", "ultrafast"}

// String is the name in replies; empty for the usual tier.
func (s Service) String() string { return serviceNames[s] }

// ServiceOf reads the name of a tier; whatever it does not know is the usual one.
func ServiceOf(name []byte) Service {
	for s := ServiceFlex; s < serviceCount; s++ {
		if string(name) == serviceNames[s] {
			return s
		}
	}
	return ServiceUsual
}

// CostSource says where a cost comes from.
type CostSource string

// The sources of a cost. Unknown is never shown as 0.
const (
	CostUnknown   CostSource = "unknown"
	CostReported  CostSource = "reported"  // the provider named it
	CostComputed  CostSource = "computed"  // list price times reported tokens
	CostEstimated CostSource = "estimated" // list price times estimated tokens
	CostLocal     CostSource = "local"     // runs on this machine
	CostFlat      CostSource = "flat"      // covered by a subscription
)
