-- wrk: one non-streamed chat call, about 1 KB, with a virtual key.
local secret = os.getenv("BENCH_SECRET") or ""
local text = string.rep("The quick brown fox jumps over the lazy dog. ", 20)
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. secret
wrk.body = '{"model":"bench","messages":[{"role":"user","content":"' .. text .. '"}],"temperature":0.2}'
