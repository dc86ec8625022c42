-- credit.lua -- wrk script: random credits and debits like the contest's, on customers 1 to 5.
--
--     wrk -t1 -c64 -d5s -s bench/credit.lua http://127.0.0.1:9999 -- [mix|credit] [PIPELINE] [SEED]
--
-- `mix` (default): twice as many debits as credits, as in the contest; `credit`: credits only, so that every
-- answer is a 200. PIPELINE requests are sent at once on each connection (default 1). The requests are
-- made beforehand: the generator shares the machine with what it measures. The last line is a
-- summary in JSON.

local POOL = 4096
local LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

local requests = {}
local last = 0

local function description()
  local letters = {}
  for i = 1, 10 do
    local at = math.random(#LETTERS)
    letters[i] = LETTERS:sub(at, at)
  end
  return table.concat(letters)
end

local function request_make(kind)
  local type = "c"
  if kind == "mix" and math.random(3) > 1 then
    type = "d"
  end
  local body = string.format('{"valor": %d, "tipo": "%s", "descricao": "%s"}',
    math.random(10000), type, description())
  return wrk.format("POST", "/clientes/" .. math.random(5) .. "/transacoes",
    { ["Content-Type"] = "application/json" }, body)
end

function init(args)
  local kind = args[1] or "mix"
  local pipeline = tonumber(args[2] or 1)
  math.randomseed(tonumber(args[3] or os.time()))
  for i = 1, POOL do
    local parts = {}
    for j = 1, pipeline do
      parts[j] = request_make(kind)
    end
    requests[i] = table.concat(parts)
  end
end

function request()
  last = last % POOL + 1
  return requests[last]
end

function done(summary, latency, _)
  io.write(string.format('{"requests": %d, "duration_us": %d, "bytes": %d, ' ..
    '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}, ' ..
    '"latency_us": {"p50": %d, "p90": %d, "p99": %d, "max": %d}}\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect, summary.errors.read, summary.errors.write, summary.errors.status,
    summary.errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
