-- Runs in a headless Neovim whose directory is a world's: each step fails loudly, the exit code is the answer.
local root = os.getenv("DEPLOYER_TEST_ROOT")
vim.opt.runtimepath:append(root .. "/editors/nvim")
vim.cmd("runtime plugin/deployer.lua")

local notified = {}
vim.notify = function(message)
  table.insert(notified, message)
end

local function fail(what)
  io.stderr:write("FAILED: " .. what .. "\n")
  io.stderr:write("told: " .. table.concat(notified, " / ") .. "\n")
  vim.cmd("cquit 1")
end

local function check(what, condition)
  if not condition then
    fail(what)
  end
  print("ok: " .. what)
end

--- Waits for a condition with a deadline.
local function eventually(what, condition)
  if not vim.wait(60000, condition, 20) then
    fail(what)
  end
  print("ok: " .. what)
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n")
end

local function buffer_named(part)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buffer):find(part, 1, true) then
      return buffer
    end
  end
end

local asked = {}
require("deployer").setup({
  confirm = function(question)
    table.insert(asked, question)
    return true
  end,
})
vim.g.deployer_environment = "development"

-- Diagnostics of the text that is not saved, at their place.
vim.cmd("edit shop/stack.yaml")
local stack = vim.api.nvim_get_current_buf()
local good = vim.api.nvim_buf_get_lines(stack, 0, -1, false)
local bad = vim.tbl_map(function(line)
  return (line:gsub("type: command", "type: comand"))
end, good)
vim.api.nvim_buf_set_lines(stack, 0, -1, false, bad)
vim.cmd("doautocmd TextChanged")
eventually("a problem is a diagnostic", function()
  return #vim.diagnostic.get(stack) > 0
end)
local problem = vim.diagnostic.get(stack)[1]
check("it is at its place", bad[problem.lnum + 1]:sub(problem.col + 1):find("^comand") ~= nil)
check("it says what would be right", problem.message:find("`command`", 1, true) ~= nil)
vim.api.nvim_buf_set_lines(stack, 0, -1, false, good)
vim.cmd("DeployerValidate")
eventually("a mended file has none", function()
  return #vim.diagnostic.get(stack) == 0
end)
vim.cmd("write")

-- A plan is a buffer.
vim.cmd("DeployerPlan")
eventually("the plan is shown", function()
  local plan = buffer_named("deployer://plan/shop/development")
  return plan and text(plan):find("+ s.a (command): create", 1, true)
end)
vim.cmd("wincmd p")

-- An apply is live.
vim.cmd("DeployerApply")
eventually("the run waits at its component", function()
  local run = buffer_named("deployer://run/")
  return run and text(run):find("s%.a +running") and text(run):find("s%.b +%[not started%]")
end)
check("it was asked", asked[1] == "Apply shop/development? 2 to create")
local run = buffer_named("deployer://run/")
eventually("what is printed is shown", function()
  return text(run):find("s.a | a begins", 1, true)
end)
vim.fn.writefile({}, "shop/a.go")
eventually("the run ends", function()
  return vim.fn.getbufvar(run, "deployer_status") == "succeeded"
end)
check("its components have ended", text(run):find("s%.a +succeeded") and text(run):find("s%.b +succeeded"))

-- A run of a terminal is attached to and cancelled.
vim.fn.delete("shop/a.go")
local target = "--stack shop --environment development --yes --detach -q"
vim.fn.system("deployer destroy --stack shop --environment development --yes")
local id = vim.fn.trim(vim.fn.system("deployer apply " .. target))
vim.cmd("DeployerAttach " .. id)
eventually("the terminal's run is live", function()
  local other = buffer_named("deployer://run/" .. id)
  return other and text(other):find("s%.a +running")
end)
vim.cmd("DeployerCancel " .. id)
eventually("it is cancelled", function()
  return vim.fn.getbufvar(buffer_named("deployer://run/" .. id), "deployer_status") == "cancelled"
end)
vim.fn.writefile({}, "shop/a.go")
vim.fn.system("deployer apply --stack shop --environment development --yes")

-- The status is a quickfix list.
vim.fn.writefile({}, "ill")
vim.fn.win_gotoid(vim.fn.bufwinid(stack))
vim.cmd("DeployerStatus")
eventually("the status is in the quickfix list", function()
  return #vim.fn.getqflist() == 2
end)
local first = vim.fn.getqflist()[1]
check("what ails stands first", first.text:find("^s%.b ") ~= nil and first.type ~= "I")
check("it leads to its line", vim.fn.getbufline(first.bufnr, first.lnum)[1]:find("b:") ~= nil)

-- Variables are given with the command, and what was typed is saved before it is planned.
vim.cmd("edit tagged/stack.yaml")
notified = {}
vim.cmd("DeployerPlan")
eventually("a variable without a value is named", function()
  return notified[1] and notified[1]:find("TAG", 1, true)
end)
vim.fn.win_gotoid(vim.fn.bufwinid(vim.fn.bufnr("tagged/stack.yaml")))
vim.api.nvim_buf_set_lines(0, -1, -1, false, { "description: typed and not saved" })
vim.cmd("DeployerApply development --var TAG=v --var-file ../secrets.yaml")
eventually("it is applied with its value", function()
  return vim.fn.filereadable("tagged/tag") == 1 and vim.fn.readfile("tagged/tag")[1] == "v9"
end)
check("the file was saved", table.concat(vim.fn.readfile("tagged/stack.yaml"), "\n"):find("typed and not saved", 1, true) ~= nil)
vim.fn.win_gotoid(vim.fn.bufwinid(stack))

-- What fails is told with what to do.
vim.fn.system("deployer logout")
notified = {}
vim.fn.win_gotoid(vim.fn.bufwinid(stack))
vim.cmd("DeployerPlan")
eventually("a refusal says what to do", function()
  return table.concat(notified, "\n"):find("deployer login", 1, true)
end)
print("all is well")
