module localrouter/server/sdktest

go 1.26.0

require github.com/openai/openai-go/v3 v3.96.0
