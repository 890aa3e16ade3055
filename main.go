// Command localrouter is one endpoint on your own machine for every model you use.
package main

func main() {}
