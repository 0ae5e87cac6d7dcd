-- Settings. `setup` is not needed where the defaults are good.
local M = {
  settings = {
    -- The program.
    program = "deployer",
    -- How long after a key a file is checked, in milliseconds.
    pause = 150,
    -- Asks a question that is answered by yes or no.
    confirm = function(question)
      return vim.fn.confirm(question, "&Yes\n&No", 2) == 1
    end,
  },
}

function M.setup(settings)
  M.settings = vim.tbl_extend("force", M.settings, settings or {})
end

return M
