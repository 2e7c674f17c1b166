// Package funasr is the websocket protocol of FunASR's recognition servers,
// seen from the client: the C++ runtime (funasr-wss-server-2pass, the one in
// the project's container images) and the Python server (funasr_wss_server.py).
//
// Sources, all in github.com/modelscope/FunASR: runtime/docs/websocket_protocol.md,
// runtime/websocket/bin/websocket-server-2pass.cpp, and
// runtime/python/websocket/funasr_wss_server.py. Where the three differ, what
// the servers do counts; the places are named in the code.
package funasr
